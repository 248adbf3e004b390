//! What letters about approvals say, as text and as HTML. They are in English: what language
//! somebody reads is not known before they open a page.

use super::link::RespondLink;
use super::notice::{ApprovalNotice, Subject};
use super::record::ApprovalRecord;
use crate::app::App;
use crate::html::{escape, markdown};
use crate::limits::APPROVAL_LETTER_OPTIONS_MAX;
use flow::run::format_time;
use std::fmt::Write as _;

/// Characters of a title in the subject of a letter, of the details in its text, and of other
/// texts.
const TITLE_CHARACTERS_MAX: usize = 150;
const DETAILS_CHARACTERS_MAX: usize = 4_000;
const LINE_CHARACTERS_MAX: usize = 400;

/// Colours that can be read on light and on dark ground are given to buttons only.
const BUTTON: &str = "display:inline-block;margin:0 8px 8px 0;padding:10px 18px;border-radius:6px;background:#1f5fbf;color:#ffffff;text-decoration:none";

/// A letter.
pub(super) struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// What a letter says, before it is put into a form.
struct Content {
    first: &'static str,
    title: String,
    /// Names and what they are.
    facts: Vec<(&'static str, String)>,
    details: Option<String>,
    /// A name, and an address.
    item: Option<(String, String)>,
    way: Way,
}

/// How somebody goes on.
enum Way {
    /// The page, the options that have links of their own, and until when that is so.
    Answer {
        page: String,
        options: Vec<(String, String)>,
        until: String,
    },
    /// Who can sign in may look.
    Look(String),
    Nowhere,
}

impl App {
    /// The letter of a notice.
    pub(super) fn approval_letter(
        &self,
        record: &ApprovalRecord,
        notice: &ApprovalNotice,
    ) -> Letter {
        let title = one_line(&record.title, TITLE_CHARACTERS_MAX);
        let outcome = one_line(record.outcome().unwrap_or_default(), LINE_CHARACTERS_MAX);
        let (subject, first) = match notice.subject {
            Subject::Asked => {
                (format!("Approval requested: {title}"), "You are asked for an approval.")
            }
            Subject::Reminded => {
                (format!("Reminder: {title}"), "An approval still waits for your answer.")
            }
            Subject::Escalated => {
                (format!("Not answered yet: {title}"), "An approval has waited for long.")
            }
            Subject::Cancelled => {
                (format!("Cancelled: {title}"), "An approval was cancelled: no answer is needed.")
            }
            Subject::Completed => (
                format!("{}: {title}", one_line(&outcome, 60)),
                "An approval that you asked for is completed.",
            ),
        };
        let mut facts = Vec::new();
        if let Some(requestor) = record.requestor.as_ref().map(|id| record.party(id)) {
            facts.push(("Requested by", one_line(&requestor.display_name, LINE_CHARACTERS_MAX)));
        }
        facts.push(("Requested", minute_of(record.created)));
        if let Some(deadline) = record.state.deadline().filter(|_| record.state.is_open()) {
            facts.push(("To be answered by", minute_of(deadline)));
        }
        if notice.subject == Subject::Completed {
            facts.push(("Outcome", outcome));
        }
        for file in &record.attachments {
            facts.push(("Attachment", one_line(&file.name, LINE_CHARACTERS_MAX)));
        }
        let item = record.item_link.as_ref().map(|link| {
            let name = record.item_link_description.as_deref().unwrap_or("Link");
            (one_line(name, LINE_CHARACTERS_MAX), one_line(link, usize::MAX))
        });
        let details = record.details.as_deref().map(paragraphs);
        let way = self.way_of(record, notice);
        let content = Content { first, title, facts, details, item, way };
        Letter { subject, text: content.text(), html: content.html() }
    }

    fn way_of(&self, record: &ApprovalRecord, notice: &ApprovalNotice) -> Way {
        let is_asked = matches!(notice.subject, Subject::Asked | Subject::Reminded);
        let link = is_asked.then(|| self.link_for(record, &notice.person)).flatten();
        if let Some(RespondLink { address, expires }) = link {
            let options = &record.state.plan().options;
            let options = match options.len() <= APPROVAL_LETTER_OPTIONS_MAX {
                true => options.iter().map(|it| option_link(&address, it)).collect(),
                false => Vec::new(),
            };
            return Way::Answer { page: address, options, until: minute_of(expires) };
        }
        match record.party(&notice.person).is_known() {
            true => Way::Look(self.respond_link(&record.id)),
            false => Way::Nowhere,
        }
    }
}

/// An option, and the address of the page on which it is chosen already.
fn option_link(page: &str, option: &str) -> (String, String) {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("response", option);
    (one_line(option, LINE_CHARACTERS_MAX), format!("{page}?{}", query.finish()))
}

const CONFIRMED: &str = "A link opens a page, on which you confirm your answer. The links are yours alone and of use for one answer, until";

impl Content {
    fn text(&self) -> String {
        let mut text = format!("{}\n\n{}\n\n", self.first, self.title);
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        if let Some(details) = &self.details {
            text.push('\n');
            // as a quotation: nothing in it is taken for what this server says
            details.lines().for_each(|line| {
                let _ = writeln!(text, "> {line}");
            });
        }
        if let Some((name, address)) = &self.item {
            let _ = writeln!(text, "\n{name}: {address}");
        }
        match &self.way {
            Way::Answer { page, options, until } => {
                let _ = writeln!(text, "\nAnswer: {page}");
                for (option, address) in options {
                    let _ = writeln!(text, "{option}: {address}");
                }
                let _ = writeln!(text, "\n{CONFIRMED} {until}.");
            }
            Way::Look(address) => {
                let _ = writeln!(text, "\n{address}");
            }
            Way::Nowhere => {}
        }
        text
    }

    fn html(&self) -> String {
        let title = escape(&self.title);
        let mut body = format!(
            "<p>{}</p><h1 style=\"font-size:20px;line-height:1.3;margin:0 0 16px\">{title}</h1><table role=\"presentation\" style=\"border-collapse:collapse;margin:0 0 16px\">",
            escape(self.first)
        );
        for (name, value) in &self.facts {
            let _ = write!(
                body,
                "<tr><td style=\"padding:2px 16px 2px 0;vertical-align:top\">{name}</td><td style=\"padding:2px 0\">{}</td></tr>",
                escape(value)
            );
        }
        body.push_str("</table>");
        if let Some(details) = &self.details {
            let _ = write!(
                body,
                "<div style=\"overflow-wrap:anywhere;border-left:4px solid #8a919b;padding:0 0 0 12px;margin:0 0 16px\">{}</div>",
                markdown(details)
            );
        }
        if let Some((name, address)) = &self.item {
            let address = escape(address);
            let _ = write!(
                body,
                "<p>{}: <a href=\"{address}\" rel=\"noopener noreferrer\" style=\"overflow-wrap:anywhere\">{address}</a></p>",
                escape(name)
            );
        }
        self.way_html(&mut body);
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title></head><body style=\"margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif\"><div style=\"max-width:560px;margin:0 auto\">{body}</div></body></html>"
        )
    }

    fn way_html(&self, body: &mut String) {
        let button = |address: &str, name: &str| {
            format!("<a href=\"{}\" style=\"{BUTTON}\">{}</a>", escape(address), escape(name))
        };
        match &self.way {
            Way::Answer { page, options, until } => {
                body.push_str("<p style=\"margin:24px 0 8px\">");
                for (option, address) in options {
                    body.push_str(&button(address, option));
                }
                if options.is_empty() {
                    body.push_str(&button(page, "Answer"));
                }
                body.push_str("</p>");
                let _ = write!(
                    body,
                    "<p style=\"font-size:14px\"><a href=\"{}\">Look at all of it</a>. {CONFIRMED} {until}.</p>",
                    escape(page)
                );
            }
            Way::Look(address) => {
                let _ =
                    write!(body, "<p style=\"margin:24px 0 8px\">{}</p>", button(address, "Open"));
            }
            Way::Nowhere => {}
        }
    }
}

/// A text without what would begin another line or header.
fn one_line(text: &str, characters_max: usize) -> String {
    let plain = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    plain.take(characters_max).collect()
}

/// Lines of text, and nothing that a mail or a terminal would take for more.
fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_text = |it: &char| *it == '\n' || *it == '\t' || !it.is_control();
    text.chars().filter(is_text).take(DETAILS_CHARACTERS_MAX).collect()
}

/// A time for people: `2026-01-02 03:04 UTC`.
pub(crate) fn minute_of(ticks: i64) -> String {
    let time = format_time(ticks);
    format!("{} UTC", time.get(..16).unwrap_or_default().replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_stays_within_its_place() {
        let content = Content {
            first: "First.",
            title: one_line("a\r\nBcc: <x@y.z>", 100),
            facts: vec![("Requested by", "<b>".to_owned())],
            details: Some(paragraphs("one\r\nAnswer: http://evil.example\u{1b}\r\n<script>")),
            item: Some(("It".to_owned(), "https://x.example/?a=\"&b".to_owned())),
            way: Way::Nowhere,
        };
        let text = content.text();
        assert!(text.contains("a  Bcc: <x@y.z>\n"), "{text}");
        assert!(text.contains("> one\n> Answer: http://evil.example\n> <script>\n"), "{text}");
        let html = content.html();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("href=\"https://x.example/?a=&quot;&amp;b\""), "{html}");
    }

    #[test]
    fn an_option_is_one_parameter() {
        let (name, address) = option_link("http://h/t", "Ja & nein\n#1");
        assert_eq!(name, "Ja & nein #1");
        assert_eq!(address, "http://h/t?response=Ja+%26+nein%0A%231");
        assert_eq!(minute_of(crate::clock::UNIX_EPOCH_TICKS), "1970-01-01 00:00 UTC");
    }
}
