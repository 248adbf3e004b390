//! Which language something for people is in: one of those there are that they like best.

use super::ApiState;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::convert::Infallible;

/// Languages of a header that are looked at.
const LANGUAGES_MAX: usize = 20;

/// A language that pages and sentences are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

impl Language {
    /// The one that a browser likes best; English when it knows none of ours.
    pub fn of(headers: &HeaderMap) -> Language {
        let given = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
        let mut best: Option<(f32, Language)> = None;
        for part in given.unwrap_or_default().split(',').take(LANGUAGES_MAX) {
            let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
            let name = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let language = match name.as_str() {
                "en" => Language::English,
                "de" => Language::German,
                _ => continue,
            };
            let weight = match rest.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0_f32,
            };
            // of two that are liked as well, the first
            if weight > best.map_or(0.0, |(weight, _)| weight) {
                best = Some((weight, language));
            }
        }
        best.map_or(Language::English, |(_, language)| language)
    }
}

impl FromRequestParts<ApiState> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Infallible> {
        Ok(Language::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        let language = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, given.parse().unwrap());
            Language::of(&headers)
        };
        assert_eq!(language("de"), Language::German);
        assert_eq!(language("de-AT,de;q=0.9,en;q=0.8"), Language::German);
        assert_eq!(language("fr,en;q=0.5,de;q=0.7"), Language::German);
        assert_eq!(language("en-GB,de"), Language::English);
        assert_eq!(language("fr, *"), Language::English);
        assert_eq!(language("de;q=0"), Language::English);
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
    }
}
