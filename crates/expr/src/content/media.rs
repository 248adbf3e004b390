//! Reading a content type: `type/subtype; name=value`.

/// A content type, cut into its parts.
#[derive(Clone, Debug)]
pub(crate) struct MediaType<'a> {
    essence: String,
    params: &'a str,
}

impl<'a> MediaType<'a> {
    /// Takes any text; one that is no content type has no parts of interest.
    pub(crate) fn parse(text: &'a str) -> Self {
        let (essence, params) = text.split_once(';').unwrap_or((text, ""));
        MediaType { essence: essence.trim().to_ascii_lowercase(), params }
    }

    /// `type/subtype` in lower case.
    pub(crate) fn essence(&self) -> &str {
        &self.essence
    }

    pub(crate) fn is_json(&self) -> bool {
        matches!(self.essence(), "application/json" | "text/json")
            || self.essence.ends_with("+json")
    }

    pub(crate) fn is_xml(&self) -> bool {
        matches!(self.essence(), "application/xml" | "text/xml") || self.essence.ends_with("+xml")
    }

    pub(crate) fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }

    /// The value of a parameter, without its quotes.
    pub(crate) fn param(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.params;
        while !rest.is_empty() {
            let end = param_end(rest);
            let (param, after) = rest.split_at(end);
            rest = after.strip_prefix(';').unwrap_or(after);
            if let Some((key, value)) = param.split_once('=')
                && key.trim().eq_ignore_ascii_case(name)
            {
                let value = value.trim();
                let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                return Some(unquoted.unwrap_or(value));
            }
        }
        None
    }
}

/// Where a parameter ends: at a semicolon outside quotes.
fn param_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found() {
        let media = MediaType::parse("Multipart/Form-Data; a=b ; BOUNDARY=\"x;y\"");
        assert_eq!(media.essence(), "multipart/form-data");
        assert_eq!(media.param("boundary"), Some("x;y"));
        assert_eq!(media.param("a"), Some("b"));
        assert_eq!(media.param("charset"), None);
        assert_eq!(MediaType::parse("nonsense;;=").param("x"), None);
    }
}
