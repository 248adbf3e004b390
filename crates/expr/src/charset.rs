//! The character encodings that bodies and data URIs may name.
//!
//! Only those that need no tables; other names are unknown here and their content
//! stays bytes.

/// A character encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Utf16Le,
    Utf16Be,
}

impl Charset {
    /// The encoding of that name, without regard to letter case.
    pub(crate) fn find(name: &str) -> Option<Charset> {
        let name = name.trim().trim_matches('"').to_ascii_lowercase();
        Some(match name.as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Charset::Utf8,
            "us-ascii" | "ascii" | "iso646-us" | "ansi_x3.4-1968" => Charset::Ascii,
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" => {
                Charset::Latin1
            }
            "utf-16" | "utf-16le" | "unicode" | "ucs-2" => Charset::Utf16Le,
            "utf-16be" | "unicodefffe" => Charset::Utf16Be,
            _ => return None,
        })
    }

    /// The text of some bytes; what is no character becomes a replacement character.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => {
                String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
                    .into_owned()
            }
            Charset::Ascii => bytes
                .iter()
                .map(
                    |&byte| {
                        if byte < 0x80 { char::from(byte) } else { char::REPLACEMENT_CHARACTER }
                    },
                )
                .collect(),
            Charset::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Charset::Utf16Le => decode_utf16(bytes, u16::from_le_bytes),
            Charset::Utf16Be => decode_utf16(bytes, u16::from_be_bytes),
        }
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let pairs = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    let units: Vec<u16> = pairs.map(unit).collect();
    let mut text = String::from_utf16_lossy(units.strip_prefix(&[0xfeff]).unwrap_or(&units));
    if bytes.len() % 2 == 1 {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text() {
        assert_eq!(Charset::Latin1.decode(b"caf\xe9"), "café");
        assert_eq!(Charset::Ascii.decode(b"a\xe9"), "a\u{fffd}");
        assert_eq!(Charset::Utf8.decode(b"\xef\xbb\xbfa\xff"), "a\u{fffd}");
        assert_eq!(Charset::Utf16Le.decode(b"a\0b\0c"), "ab\u{fffd}");
        assert_eq!(Charset::find("\"UTF-8\""), Some(Charset::Utf8));
        assert_eq!(Charset::find("martian"), None);
    }
}
