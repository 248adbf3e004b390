//! Which cultures a locale argument may name, and how they write numbers.

use super::number::Unsigned;
use crate::error::EvalError;

/// How numbers and dates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Culture {
    /// The point between whole and fraction.
    pub(crate) decimal: &'static str,
    /// Between groups of three digits.
    pub(crate) group: &'static str,
    /// The currency sign.
    currency: &'static str,
    /// Whether this is the culture of no place: other dates, other signs.
    pub(crate) is_invariant: bool,
}

pub const INVARIANT: Culture =
    Culture { decimal: ".", group: ",", currency: "¤", is_invariant: true };
pub const EN_US: Culture = Culture { decimal: ".", group: ",", currency: "$", is_invariant: false };

/// The culture of that name; an error that names it when it is not supported.
pub fn find(name: &str) -> Result<&'static Culture, EvalError> {
    match name.trim().to_ascii_lowercase().as_str() {
        "" | "iv" => Ok(&INVARIANT),
        "en-us" | "en" => Ok(&EN_US),
        _ => Err(EvalError::new(format!(
            "The culture '{name}' is not supported yet; 'en-US' and the invariant culture '' are."
        ))),
    }
}

impl Culture {
    pub(super) fn currency_text(&self, number: &Unsigned) -> String {
        let Unsigned { is_negative, text } = number;
        match (is_negative, self.is_invariant) {
            (false, _) => format!("{}{text}", self.currency),
            (true, false) => format!("-{}{text}", self.currency),
            (true, true) => format!("({}{text})", self.currency),
        }
    }

    pub(super) fn percent_text(&self, number: &Unsigned) -> String {
        let sign = if number.is_negative { "-" } else { "" };
        let blank = if self.is_invariant { " " } else { "" };
        format!("{sign}{}{blank}%", number.text)
    }

    /// The words for infinity and "not a number", as number texts may hold them.
    pub(crate) fn infinity(&self) -> &'static str {
        if self.is_invariant { "Infinity" } else { "∞" }
    }
}
