//! Looks for texts in bytes, in whichever form they may have been written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::HashMap;

/// The bytes by which a place is found that is worth a look.
const KEY: usize = 4;

/// Something that was planted.
pub struct Planted {
    pub name: String,
    pub text: Vec<u8>,
}

/// Planted texts in all of their forms.
pub struct Search {
    /// By their first bytes: the whole, and of which text it is a form.
    forms: HashMap<[u8; KEY], Vec<(Vec<u8>, usize)>>,
    names: Vec<String>,
}

impl Search {
    pub fn of(planted: &[Planted]) -> Search {
        let names = planted.iter().map(|it| it.name.clone()).collect();
        let mut search = Search { forms: HashMap::new(), names };
        for (at, it) in planted.iter().enumerate() {
            assert!(it.text.len() >= 10, "'{}' is too short to be looked for", it.name);
            for form in forms(&it.text) {
                let key = form[..KEY].try_into().expect("bytes");
                search.forms.entry(key).or_default().push((form, at));
            }
        }
        search
    }

    /// The names of those that are there.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(KEY).enumerate() {
            let key: [u8; KEY] = window.try_into().expect("bytes");
            for (form, of) in self.forms.get(&key).into_iter().flatten() {
                let name = self.names[*of].as_str();
                if bytes[at..].starts_with(form) && !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }
}

/// As it is, in hexadecimal digits, in UTF-16, and in base64 wherever it begins within
/// something larger. Texts are of letters and digits at their core, which URLs, JSON and
/// pages leave as they are.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![text.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    forms.push(text.iter().flat_map(|byte| [*byte, 0]).collect());
    forms.push(text.iter().flat_map(|byte| [0, *byte]).collect());
    for before in 0..3_usize {
        let shifted = [&b"\0\0"[..before], text].concat();
        let encoded = STANDARD_NO_PAD.encode(&shifted);
        // what holds bits of what is before or after is not the text's alone
        let (start, whole) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        let own = &encoded[start..whole];
        forms.push(own.as_bytes().to_vec());
        forms.push(own.replace('+', "-").replace('/', "_").into_bytes());
    }
    forms.dedup();
    forms
}

#[test]
fn a_text_is_found_in_every_form() {
    let text = b"tulip7d41ac09be";
    let search = Search::of(&[Planted { name: "it".to_owned(), text: text.to_vec() }]);
    for before in ["", "a", "ab", "abc"] {
        let whole = [before.as_bytes(), text, b"xyz"].concat();
        let wide: Vec<u8> = whole.iter().flat_map(|byte| [*byte, 0]).collect();
        let hex: String = whole.iter().map(|byte| format!("{byte:02X}")).collect();
        let encoded = STANDARD_NO_PAD.encode(&whole);
        for written in [&whole[..], &wide, hex.as_bytes(), encoded.as_bytes()] {
            assert_eq!(search.found_in(written), ["it"], "{written:?}");
        }
    }
    assert!(search.found_in(b"tulip7d41ac09b").is_empty());
}
