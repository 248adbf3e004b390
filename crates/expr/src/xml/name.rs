//! Names that XML does not have, as it writes them: `a b` is `a_x0020_b`.

/// The name with what may not stand in one written as its number.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, character) in name.char_indices() {
        let is_plain = match at {
            0 => is_start(character),
            _ => is_start(character) || is_later(character),
        };
        // an underscore before what looks like a number would be read as one
        let is_number = character == '_' && number(&name[at..]).is_some();
        if is_plain && !is_number {
            out.push(character);
        } else if u32::from(character) > 0xffff {
            out.push_str(&format!("_x{:08X}_", u32::from(character)));
        } else {
            out.push_str(&format!("_x{:04X}_", u32::from(character)));
        }
    }
    out
}

/// The name that was encoded.
pub fn decode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, length) = number(rest).unwrap_or(('_', 1));
        out.push(character);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// `_x0020_` at the beginning of a text: the character, and how long that is.
fn number(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix("_x")?;
    let end = digits.find('_').filter(|it| matches!(it, 4 | 8))?;
    let is_number = digits[..end].bytes().all(|it| it.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits[..end].get(..end).filter(|_| is_number)?, 16).ok()?;
    Some((char::from_u32(code)?, end + 3))
}

fn is_start(character: char) -> bool {
    matches!(character, ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}')
}

fn is_later(character: char) -> bool {
    matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}'
        | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["a b", "1a", "ro>ot", "_x0020_", "a_b", "é", "😀", "#comment", "_x20", "-"]
        {
            let encoded = encode(name);
            assert!(encoded.chars().all(|it| is_start(it) || is_later(it)), "{encoded}");
            assert_eq!(decode(&encoded), name, "{encoded}");
        }
        assert_eq!(encode("ro>ot"), "ro_x003E_ot");
        assert_eq!(encode("_x0020_"), "_x005F_x0020_");
        assert_eq!(decode("_xZZZZ_a_"), "_xZZZZ_a_");
    }
}
