//! Text to a document. One library says whether it is well-formed, another says what stands in
//! it: the first knows no difference between a text and a CDATA section.

use super::{DocumentType, Kind, NodeId, ROOT, Tree, declared};
use crate::charset::Charset;
use crate::limits::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NODES_MAX, XML_PREFIXES_MAX};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use roxmltree::{Document, ParsingOptions};

/// Reads the bytes of a document in the encoding that it says.
pub(crate) fn bytes(bytes: &[u8]) -> Result<Tree, String> {
    let marked = match bytes {
        [0xff, 0xfe, ..] => Some(Charset::Utf16Le),
        [0xfe, 0xff, ..] => Some(Charset::Utf16Be),
        _ => None,
    };
    if let Some(charset) = marked {
        return text(&charset.decode(bytes));
    }
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(&start[..start.len().min(DECLARATION_BYTES_MAX)]);
    let said = declaration(&head)?.and_then(|it| it.encoding);
    let charset = match said.as_deref().map(Charset::find) {
        None => Charset::Utf8,
        Some(Some(charset @ (Charset::Utf8 | Charset::Ascii | Charset::Latin1))) => charset,
        // it is read, so it is not of two bytes a character, whatever it says
        Some(_) => {
            return Err(format!(
                "The document says that its encoding is '{}', which it is not or which is not known.",
                said.unwrap_or_default()
            ));
        }
    };
    if charset == Charset::Utf8 {
        let said = std::str::from_utf8(start);
        return text(said.map_err(|error| format!("The document is not valid UTF-8: {error}."))?);
    }
    text(&charset.decode(start))
}

/// Bytes in which a declaration ends.
const DECLARATION_BYTES_MAX: usize = 200;

#[derive(Default)]
struct Declaration {
    encoding: Option<String>,
    standalone: Option<String>,
    length: usize,
}

/// `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`, in this order.
fn declaration(text: &str) -> Result<Option<Declaration>, String> {
    let blanks = [' ', '\t', '\r', '\n'];
    let Some(rest) = text.strip_prefix("<?xml").filter(|it| it.starts_with(blanks)) else {
        return Ok(None);
    };
    let wrong = || "The declaration of the document is not well-formed.".to_owned();
    let end = rest.find("?>").ok_or_else(wrong)?;
    let mut found = Declaration { length: "<?xml?>".len() + end, ..Declaration::default() };
    let mut rest = rest[..end].trim_matches(blanks);
    let mut names = ["version", "encoding", "standalone"].into_iter();
    let mut has_version = false;
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or_else(wrong)?;
        let value = value.trim_start_matches(blanks);
        let quote = value.chars().next().filter(|it| matches!(it, '"' | '\'')).ok_or_else(wrong)?;
        let (value, after) = value[1..].split_once(quote).ok_or_else(wrong)?;
        let name = name.trim_end_matches(blanks);
        if !names.any(|it| it == name) {
            return Err(wrong());
        }
        match (name, value) {
            ("version", "1.0") => has_version = true,
            ("version", other) => return Err(format!("Version {other} of XML is not known.")),
            ("encoding", value) => found.encoding = Some(value.to_owned()),
            (_, value @ ("yes" | "no")) => found.standalone = Some(value.to_owned()),
            _ => return Err(wrong()),
        }
        let next = after.trim_start_matches(blanks);
        if next.len() == after.len() && !next.is_empty() {
            return Err(wrong());
        }
        rest = next;
    }
    if has_version { Ok(Some(found)) } else { Err(wrong()) }
}

/// Reads a document.
pub(crate) fn text(text: &str) -> Result<Tree, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut building = Building { tree: Tree::new(), at: ROOT, prefixes: Vec::new(), text: None };
    let mut rest = text;
    if let Some(Declaration { encoding, standalone, length }) = declaration(text)? {
        building.tree.add(ROOT, Kind::Declaration { encoding, standalone });
        rest = &text[length..];
    }
    // one that is nested too deep or has too much in it goes no further
    building.read(rest)?;
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(rest, options)
        .map_err(|error| format!("The document is not well-formed XML: {error}."))?;
    Ok(building.tree)
}

struct Building {
    tree: Tree,
    at: NodeId,
    /// Prefixes that the open elements declare.
    prefixes: Vec<usize>,
    /// Text so far, and whether a character of it was written as its number.
    text: Option<(String, bool)>,
}

impl Building {
    fn read(&mut self, text: &str) -> Result<(), String> {
        let mut reader = Reader::from_str(text);
        loop {
            let event = reader.read_event();
            match event.map_err(|error| format!("The document is not well-formed XML: {error}."))? {
                Event::Eof => break,
                event => self.event(&event)?,
            }
            if self.tree.0.len() > XML_NODES_MAX || self.prefixes.len() > XML_DEPTH_MAX {
                return Err(format!(
                    "The document is too large: it may have {XML_NODES_MAX} nodes, \
                     {XML_DEPTH_MAX} levels and {XML_ATTRIBUTES_MAX} attributes at one element."
                ));
            }
        }
        self.end_text();
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Text(text) => {
                self.text.get_or_insert_default().0.push_str(&text.xml10_content());
                return Ok(());
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                let name = reference.xml10_content();
                let known = character.or_else(|| predefined(&name)).ok_or_else(|| {
                    format!(
                        "The document has an entity '{name}', which is not one of the five of XML."
                    )
                })?;
                let text = self.text.get_or_insert_default();
                text.0.push(known);
                text.1 = true;
                return Ok(());
            }
            _ => self.end_text(),
        }
        match event {
            Event::Start(start) => {
                self.at = self.element(start, false)?;
            }
            Event::Empty(start) => {
                self.element(start, true)?;
            }
            Event::End(_) => {
                self.at = self.tree.0[self.at].parent;
                self.prefixes.pop();
            }
            Event::CData(section) => {
                self.add(Kind::Section(section.xml10_content().into_owned()));
            }
            Event::Comment(text) => self.add(Kind::Comment(text.xml10_content().into_owned())),
            Event::PI(it) => {
                let text = it.content().trim_start().to_owned();
                self.add(Kind::Instruction { target: it.target().to_owned(), text });
            }
            Event::DocType(text) => {
                let read = document_type(text.xml10_content().trim());
                self.add(Kind::DocumentType(read));
            }
            Event::Decl(_) => return Err("The document has two declarations.".to_owned()),
            Event::Text(_) | Event::GeneralRef(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn add(&mut self, kind: Kind) {
        self.tree.add(self.at, kind);
    }

    /// Blanks between elements are nothing, and those that are numbers are text.
    fn end_text(&mut self) {
        if let Some((text, is_meant)) = self.text.take()
            && self.at != ROOT
            && (is_meant || !text.trim_matches([' ', '\t', '\r', '\n']).is_empty())
        {
            self.add(Kind::Text(text));
        }
    }

    fn element(&mut self, start: &BytesStart<'_>, is_closed: bool) -> Result<NodeId, String> {
        let name = start.name().as_ref().to_owned();
        let id = self.tree.add(self.at, Kind::Element { name, is_closed });
        let mut prefixes = 0;
        for (count, attribute) in start.attributes().with_checks(false).enumerate() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if count >= XML_ATTRIBUTES_MAX {
                return Err(format!("An element has more than {XML_ATTRIBUTES_MAX} attributes."));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| error.to_string())?.into_owned();
            let name = attribute.key.as_ref().to_owned();
            prefixes += usize::from(declared(&name).is_some());
            self.tree.add(id, Kind::Attribute { name, value });
        }
        if self.prefixes.iter().sum::<usize>() + prefixes > XML_PREFIXES_MAX {
            return Err(format!(
                "The document declares more than {XML_PREFIXES_MAX} prefixes at one place."
            ));
        }
        if !is_closed {
            self.prefixes.push(prefixes);
        }
        Ok(id)
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

/// `name PUBLIC "a" "b" [subset]`. Whether it is well-formed is said elsewhere.
fn document_type(text: &str) -> DocumentType {
    let (head, subset) = match text.split_once('[') {
        Some((head, rest)) => (head, rest.rsplit_once(']').map(|it| it.0.to_owned())),
        None => (text, None),
    };
    let (name, rest) = head.trim().split_once(char::is_whitespace).unwrap_or((head.trim(), ""));
    let (kind, mut rest) = rest.trim().split_once(char::is_whitespace).unwrap_or_default();
    let mut literals = Vec::new();
    while let Some(quote) = rest.trim_start().chars().next().filter(|it| matches!(it, '"' | '\'')) {
        let Some((literal, after)) = rest.trim_start()[1..].split_once(quote) else { break };
        literals.push(literal.to_owned());
        rest = after;
    }
    let mut literals = literals.into_iter();
    let public = if kind == "PUBLIC" { literals.next() } else { None };
    DocumentType {
        name: name.to_owned(),
        public: public.unwrap_or_default(),
        system: literals.next().unwrap_or_default(),
        subset,
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::limits::XML_PREFIXES_MAX;

    #[test]
    fn prefixes_that_count_at_one_place_are_limited() {
        let declares = |count: usize, from: usize| -> String {
            (from..from + count).map(|at| format!(" xmlns:p{at}='u'")).collect()
        };
        let half = XML_PREFIXES_MAX / 2;
        let of = |inner: &str| format!("<r{}>{}<y/></r>", declares(half, 0), inner);
        // beside each other as often as one likes
        let fine = format!("<x{}></x>", declares(half, half)).repeat(20);
        assert!(text(&of(&fine)).is_ok());
        for nested in [
            format!("<x{}/>", declares(half + 1, half)),
            format!("<x{}><z xmlns='u'/></x>", declares(half, half)),
        ] {
            let fault = text(&of(&nested)).map(drop).expect_err("too many");
            assert!(fault.contains("prefixes"), "{fault}");
        }
    }
}
