//! Feeds: RSS (2.0 and its elder kin, with RDF) and Atom, as the items that the real
//! connector gives.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use roxmltree::{Document, Node, ParsingOptions};

use super::limits::{FEED_ITEMS_MAX, FEED_NODES_MAX};

/// An item of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) links: Vec<String>,
    pub(super) updated: Option<Timestamp>,
    pub(super) published: Option<Timestamp>,
    pub(super) summary: String,
    pub(super) copyright: String,
    pub(super) categories: Vec<String>,
}

const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The items of a feed, in its order; `None`: this is no feed.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Item>> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    // Old feeds have a document type; the reader bounds what its entities become.
    let options =
        ParsingOptions { allow_dtd: true, nodes_limit: FEED_NODES_MAX, ..Default::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let root = document.root_element();
    match root.tag_name().name() {
        "rss" | "RDF" => {
            let channel = root.children().find(|node| node.has_tag_name_of("channel"));
            let copyright =
                channel.map(|it| child(it, &["copyright", "rights"])).unwrap_or_default();
            let items = root.descendants().filter(|node| node.has_tag_name_of("item"));
            Some(items.take(FEED_ITEMS_MAX).map(|node| rss_item(node, &copyright)).collect())
        }
        "feed" => {
            let rights = child(root, &["rights"]);
            let entries = root.children().filter(|node| node.has_tag_name_of("entry"));
            Some(entries.take(FEED_ITEMS_MAX).map(|node| atom_item(node, &rights)).collect())
        }
        _ => None,
    }
}

trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    /// Whatever its namespace: the elder kinds have one, RSS 2.0 has none.
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn rss_item(node: Node<'_, '_>, copyright: &str) -> Item {
    let published = date(&child(node, &["pubDate", "date", "published"]));
    let mut links: Vec<String> = Vec::new();
    for link in node.children().filter(|it| it.has_tag_name_of("link")) {
        let address = text(link);
        let address = if address.is_empty() { attribute(link, "href") } else { address };
        if !address.is_empty() {
            links.push(address);
        }
    }
    let guid = child(node, &["guid", "id"]);
    let about = node.attributes().find(|it| it.name() == "about").map(|it| it.value().to_owned());
    let title = child(node, &["title"]);
    let id = [guid, about.unwrap_or_default(), links.first().cloned().unwrap_or_default()];
    let id = id.into_iter().find(|it| !it.is_empty()).unwrap_or_else(|| title.clone());
    Item {
        id,
        title,
        links,
        updated: date(&child(node, &["updated", "modified"])).or(published),
        published,
        summary: child(node, &["description", "summary", "encoded"]),
        copyright: copyright.to_owned(),
        categories: all(node, &["category", "subject"], text),
    }
}

fn atom_item(node: Node<'_, '_>, rights: &str) -> Item {
    let updated = date(&child(node, &["updated", "modified"]));
    let own = child(node, &["rights"]);
    let mut links: Vec<Node<'_, '_>> =
        node.children().filter(|it| it.has_tag_name_of("link")).collect();
    // The first is the page itself.
    links.sort_by_key(|it| !matches!(it.attribute("rel"), None | Some("alternate")));
    let summary = child(node, &["summary"]);
    Item {
        id: child(node, &["id"]),
        title: child(node, &["title"]),
        links: links.into_iter().map(|it| attribute(it, "href")).collect(),
        updated,
        published: date(&child(node, &["published", "issued"])).or(updated),
        summary: if summary.is_empty() { child(node, &["content"]) } else { summary },
        copyright: if own.is_empty() { rights.to_owned() } else { own },
        categories: all(node, &["category"], |it| attribute(it, "term")),
    }
}

fn all(node: Node<'_, '_>, names: &[&str], of: impl Fn(Node<'_, '_>) -> String) -> Vec<String> {
    let found = node.children().filter(|it| names.iter().any(|name| it.has_tag_name_of(name)));
    found.map(of).filter(|it| !it.is_empty()).collect()
}

/// The text of the first child that has one of the names, the first name before the others.
fn child(node: Node<'_, '_>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| {
        let child = node.children().find(|it| it.has_tag_name_of(name))?;
        Some(text(child)).filter(|it| !it.is_empty())
    });
    found.unwrap_or_default()
}

fn text(node: Node<'_, '_>) -> String {
    // XHTML within Atom is elements; their texts are what it says.
    let is_xhtml =
        node.attribute("type") == Some("xhtml") && node.tag_name().namespace() == Some(ATOM);
    let parts: Vec<&str> = if is_xhtml {
        node.descendants().filter(Node::is_text).filter_map(|it| it.text()).collect()
    } else {
        node.children().filter(Node::is_text).filter_map(|it| it.text()).collect()
    };
    parts.concat().trim().to_owned()
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().trim().to_owned()
}

/// RSS writes dates as mail does, Atom as the Internet does; both are met in both.
fn date(text: &str) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    // Names of zones are not read; two of them are no zone at all.
    let text = text.replace("GMT", "+0000").replace("UTC", "+0000");
    let text = text.strip_suffix('Z').map_or(text.clone(), |it| format!("{it}+0000"));
    rfc2822::parse(&text).ok().map(|it| it.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rss_is_read() {
        let items = read(
            br#"<?xml version="1.0"?><!DOCTYPE rss><rss version="2.0"><channel><title>t</title>
            <copyright>(c) us</copyright>
            <item><title>One &amp; <![CDATA[<two>]]></title><link>https://x.org/1</link>
            <guid isPermaLink="false">g1</guid><pubDate>Tue, 03 Jun 2025 09:39:21 GMT</pubDate>
            <description>text</description><category>a</category><category>b</category></item>
            <item><title>No id</title></item></channel></rss>"#,
        )
        .unwrap();
        assert_eq!(items[0].title, "One & <two>");
        assert_eq!(items[0].id, "g1");
        assert_eq!(items[0].links, ["https://x.org/1"]);
        assert_eq!(items[0].published.unwrap().to_string(), "2025-06-03T09:39:21Z");
        assert_eq!(items[0].categories, ["a", "b"]);
        assert_eq!(items[0].copyright, "(c) us");
        assert_eq!(items[1].id, "No id");
    }

    #[test]
    fn atom_and_rdf_are_read() {
        let items = read(
            br#"<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry>
            <id>tag:1</id><title type="html">A</title><link rel="self" href="https://x.org/s"/>
            <link href="https://x.org/a"/><updated>2026-01-02T03:04:05+01:00</updated>
            <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a<b>c</b></div></content>
            <category term="k"/></entry></feed>"#,
        )
        .unwrap();
        assert_eq!(items[0].links[0], "https://x.org/a");
        assert_eq!(items[0].published.unwrap().to_string(), "2026-01-02T02:04:05Z");
        assert_eq!((items[0].summary.as_str(), items[0].categories[0].as_str()), ("ac", "k"));
        let items = read(
            br#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
            xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
            <item rdf:about="https://x.org/1"><title>t</title><dc:date>2026-01-02T00:00:00Z</dc:date>
            </item></rdf:RDF>"#,
        )
        .unwrap();
        assert_eq!(items[0].id, "https://x.org/1");
        assert!(items[0].published.is_some());
    }

    #[test]
    fn what_is_no_feed_is_none() {
        let laughs = format!(
            "<!DOCTYPE rss [<!ENTITY a \"{}\">{}]><rss><channel><item><title>&j;</title></item>\
             </channel></rss>",
            "x".repeat(1_000),
            ('b'..='j')
                .map(|it| {
                    let before = char::from(it as u8 - 1);
                    format!("<!ENTITY {it} \"{}\">", format!("&{before};").repeat(10))
                })
                .collect::<String>()
        );
        for text in ["", "<html/>", "<rss", "{}", "\u{0}", &laughs] {
            assert_eq!(read(text.as_bytes()), None, "{}", &text[..text.len().min(20)]);
        }
        assert_eq!(read(b"<rss><channel/></rss>"), Some(Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_feed_or_none(bytes in "(<(rss|feed|item|entry|link|pubDate)( a='b'| rel='x')?/?>|</(rss|item)>|é|&amp;|x){0,30}") {
            let _ = read(bytes.as_bytes());
            let _ = read(format!("<rss><channel>{bytes}</channel></rss>").as_bytes());
            let _ = date(&bytes);
        }

        #[test]
        fn any_text_is_a_date_or_none(text in "\\PC{0,30}|[A-Za-z0-9:,+ -]{0,40}") {
            let _ = date(&text);
        }
    }
}
