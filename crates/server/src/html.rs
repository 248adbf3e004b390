//! Text as part of documents that people read.

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Parser, Tag, TagEnd};

/// Text as it may stand in a document and in a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Markdown as it may stand in a document. What is HTML in it is text, pictures are what
/// describes them, headings are lines of their own in bold, links lead to the web or to mail
/// only, and lines stay lines.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut links = Vec::new();
    let events = Parser::new(text).flat_map(|event| shown(event, &mut links));
    let mut html = String::with_capacity(text.len());
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

/// What is shown of a part. `links` says of those it lies in whether they lead anywhere.
fn shown<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Vec<Event<'a>> {
    match event {
        Event::InlineHtml(text) => vec![Event::Text(text)],
        // lines of a block
        Event::Html(text) => text.split_inclusive('\n').flat_map(line_of_block).collect(),
        Event::Start(Tag::HtmlBlock) => vec![Event::Start(Tag::Paragraph)],
        Event::End(TagEnd::HtmlBlock) => vec![Event::End(TagEnd::Paragraph)],
        Event::SoftBreak => vec![Event::HardBreak],
        Event::Start(Tag::Heading { .. }) => {
            vec![Event::Start(Tag::Paragraph), Event::Start(Tag::Strong)]
        }
        Event::End(TagEnd::Heading(_)) => {
            vec![Event::End(TagEnd::Strong), Event::End(TagEnd::Paragraph)]
        }
        Event::Start(Tag::CodeBlock(_)) => {
            vec![Event::Start(Tag::CodeBlock(CodeBlockKind::Indented))]
        }
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => Vec::new(),
        Event::Start(Tag::Link { link_type, dest_url, .. }) => {
            let address = match link_type {
                LinkType::Email => address(&format!("mailto:{dest_url}")),
                _ => address(&dest_url),
            };
            links.push(address.is_some());
            let link = address.map(|address| {
                format!(
                    "<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">",
                    escape(&address)
                )
            });
            link.map(|link| Event::InlineHtml(link.into())).into_iter().collect()
        }
        Event::End(TagEnd::Link) => match links.pop() {
            Some(true) => vec![Event::InlineHtml("</a>".into())],
            _ => Vec::new(),
        },
        other => vec![other],
    }
}

fn line_of_block<'a>(line: &str) -> impl Iterator<Item = Event<'a>> + use<'a> {
    let text = line.trim_end_matches('\n');
    let ends = text.len() < line.len();
    std::iter::once(Event::Text(text.to_owned().into())).chain(ends.then_some(Event::HardBreak))
}

/// An address that a link may lead to.
fn address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_shown_and_does_nothing() {
        let cases = [
            ("**two** _offers_", "<p><strong>two</strong> <em>offers</em></p>\n"),
            ("one\ntwo\n\nthree", "<p>one<br />\ntwo</p>\n<p>three</p>\n"),
            (
                "# Title\n- a\n- b",
                "<p><strong>Title</strong></p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n",
            ),
            (
                "[site](https://x.example/?a=1&b=2)",
                "<p><a href=\"https://x.example/?a=1&amp;b=2\" target=\"_blank\" rel=\"noopener noreferrer\">site</a></p>\n",
            ),
            ("[run](javascript:alert(1))", "<p>run</p>\n"),
            (
                "[in [file](file:///etc/passwd)](data:text/html,x)",
                "<p>[in file](data:text/html,x)</p>\n",
            ),
            ("![a picture](https://x.example/track.png)", "<p>a picture</p>\n"),
            ("x <b onclick=\"go()\">y</b>", "<p>x &lt;b onclick=\"go()\"&gt;y&lt;/b&gt;</p>\n"),
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
            ("<div>\none\n</div>", "<p>&lt;div&gt;<br />\none<br />\n&lt;/div&gt;</p>\n"),
            (
                "<ada@x.example>",
                "<p><a href=\"mailto:ada@x.example\" target=\"_blank\" rel=\"noopener noreferrer\">ada@x.example</a></p>\n",
            ),
            ("```html\n<i>\n```", "<pre><code>&lt;i&gt;\n</code></pre>\n"),
        ];
        for (text, html) in cases {
            assert_eq!(markdown(text), html, "{text}");
        }
    }

    #[test]
    fn whatever_is_written_makes_no_element_of_its_own() {
        let parts = [
            "<img src=x onerror=go()>",
            "[",
            "](javascript:1)",
            "<!--",
            "]]>",
            "&lt;script",
            "`",
            "> ",
            "\n",
            "<a href='x'>",
        ];
        for first in parts {
            for second in parts {
                for third in parts {
                    let html = markdown(&format!("{first}{second}x{third}"));
                    for element in ["<img", "<script", "<!--", "<a href='", "\"javascript:"] {
                        assert!(!html.contains(element), "{first}{second}x{third}: {html}");
                    }
                }
            }
        }
    }
}
