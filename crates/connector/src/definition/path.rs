//! Paths of operations: `/users/{id}/items('{key}')`.

use super::Fault;
use crate::limits::PATH_TEMPLATE_BYTES_MAX;
use percent_encoding::percent_decode_str;
use std::fmt;

/// A path with names where values are to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    segments: Vec<Vec<Piece>>,
    /// What stands behind a question mark in the path, which some documents have.
    query: Vec<(String, Vec<Piece>)>,
}

/// A piece of a path's segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is written in the document.
    Text(String),
    /// The value of a parameter.
    Value(String),
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PathTemplate {
    /// Reads a path as a document has it.
    ///
    /// # Errors
    /// What is not as it must be, with the place.
    pub fn read(text: &str, path: &str) -> Result<PathTemplate, Fault> {
        if text.len() > PATH_TEMPLATE_BYTES_MAX {
            let message = format!("The path is longer than {PATH_TEMPLATE_BYTES_MAX} bytes.");
            return Err(Fault::at(path, message));
        }
        // a fragment never reaches a service; some documents tell operations apart by it
        let sent = text.split('#').next().unwrap_or_default();
        let (route, query) = sent.split_once('?').unwrap_or((sent, ""));
        let pieces = |text: &str| pieces(text).map_err(|message| Fault::at(path, message));
        let segments = route.strip_prefix('/').unwrap_or(route).split('/');
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name), pieces(value)?))
        };
        Ok(PathTemplate {
            text: text.to_owned(),
            segments: segments.map(pieces).collect::<Result<_, _>>()?,
            query: pairs.map(pair).collect::<Result<_, Fault>>()?,
        })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn segments(&self) -> &[Vec<Piece>] {
        &self.segments
    }

    #[must_use]
    pub fn query(&self) -> &[(String, Vec<Piece>)] {
        &self.query
    }

    /// The names for which values are to be put in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let query = self.query.iter().map(|(_, pieces)| pieces);
        self.segments.iter().chain(query).flatten().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, behind)) = behind.split_once('}') else {
            return Err("A brace of the path is not closed.".to_owned());
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Value(name.to_owned()));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// Text from which percent-encoding is taken once; what is none stays.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_texts_and_names() {
        let template = PathTemplate::read("/a/{b},{c}/d('{e}')?v=1&k={f}#x", "$").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["b", "c", "e", "f"]);
        assert_eq!(template.segments().len(), 3);
        assert_eq!(template.segments()[0], [Piece::Text("a".to_owned())]);
        assert_eq!(template.query()[0], ("v".to_owned(), vec![Piece::Text("1".to_owned())]));
        for text in ["/a/{b", &"/a".repeat(5_000)] {
            assert!(PathTemplate::read(text, "$").is_err());
        }
    }
}
