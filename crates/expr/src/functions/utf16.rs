//! Text as the platform counts it: in UTF-16 units. ASCII text, which is most text,
//! is never converted.

/// Units of the text.
pub(super) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// The text between two unit offsets, which are clamped. Half of a pair becomes a
/// replacement character.
pub(super) fn slice(text: &str, start: usize, end: usize) -> String {
    if text.is_ascii() {
        let end = end.min(text.len());
        return text.get(start.min(end)..end).unwrap_or("").to_owned();
    }
    let units = text.encode_utf16().skip(start).take(end.saturating_sub(start));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The unit offset of a byte offset.
pub(super) fn offset(text: &str, byte: usize) -> usize {
    length(text.get(..byte).unwrap_or(text))
}

/// Upper case as the invariant culture has it: one character for one, and the
/// Turkish letters stay.
pub(super) fn upper(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    match character {
        'ı' => character,
        _ => single(character.to_uppercase(), character),
    }
}

/// Lower case as the invariant culture has it.
pub(super) fn lower(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    match character {
        'İ' => character,
        _ => single(character.to_lowercase(), character),
    }
}

fn single(mut mapped: impl Iterator<Item = char>, character: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// The text without regard to case, with the same number of units.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    let same_width =
        |c: char| Some(upper(c)).filter(|u| u.len_utf16() == c.len_utf16()).unwrap_or(c);
    text.chars().map(same_width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted() {
        assert_eq!(length("a😀é"), 4);
        assert_eq!(slice("a😀é", 1, 3), "😀");
        assert_eq!(slice("a😀é", 2, 4), "\u{fffd}é");
        assert_eq!(slice("abc", 2, 99), "c");
        assert_eq!(slice("abc", 5, 2), "");
        assert_eq!(offset("é😀x", 6), 3);
    }

    #[test]
    fn case_is_invariant() {
        assert_eq!("ıİßŉ".chars().map(upper).collect::<String>(), "ıİßŉ");
        assert_eq!("ÀİΣ".chars().map(lower).collect::<String>(), "àİσ");
        assert_eq!(fold("straße"), "STRAßE");
    }
}
