//! The documents: whole, without script, and with everything from outside escaped.

use super::text::Texts;
use crate::app::approval::{Invitation, LinkAnswered, LinkEnd, minute_of};
use crate::html::{escape, markdown};
use crate::limits::APPROVAL_FORM_COMMENT_CHARACTERS_MAX;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

const STYLE: &str = ":root{color-scheme:light dark;--ground:#f4f5f7;--paper:#fff;--ink:#1b1f24;--quiet:#555c66;--line:#8a919b;--act:#1f5fbf;--on:#fff;--fault:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ground:#15181c;--paper:#1f2328;--ink:#e8eaed;--quiet:#a9b0b9;--line:#77808b;--act:#8ab4f8;--on:#10151c;--fault:#f2a19a}}\
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:1rem;background:var(--ground);color:var(--ink)}\
main{max-width:40rem;margin:4vh auto;padding:1.5rem;background:var(--paper);border:1px solid var(--line);border-radius:8px;overflow-wrap:anywhere}\
h1{font-size:1.4rem;line-height:1.3;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 .25rem}p{margin:.5rem 0}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}dt,.quiet{color:var(--quiet)}dd{margin:0}\
.details blockquote{margin:.5rem 0;padding-left:.75rem;border-left:4px solid var(--line)}pre{white-space:pre-wrap}a{color:var(--act)}label{display:block;margin:0 0 .25rem}\
textarea{width:100%;min-height:5rem;font:inherit;padding:.5rem;border:1px solid var(--line);border-radius:4px;background:var(--paper);color:var(--ink)}\
.options{display:flex;flex-wrap:wrap;gap:.75rem;margin:.5rem 0}\
button{font:inherit;min-height:2.75rem;max-width:100%;padding:.5rem 1.25rem;border-radius:6px;border:2px solid var(--act);background:var(--paper);color:var(--act);cursor:pointer}\
button.chosen{background:var(--act);color:var(--on)}:focus-visible{outline:3px solid #f0b400;outline-offset:2px}\
.fault{padding:.5rem .75rem;border-left:4px solid var(--fault)}@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}button{width:100%}}";

/// What the browser may load: this style.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

/// What the form already has.
#[derive(Default)]
pub struct Filled {
    pub option: Option<String>,
    pub comments: Option<String>,
    pub fault: Option<String>,
}

/// A page on which nothing can be done.
pub fn message(texts: &Texts, status: StatusCode, title: &str, text: &str) -> Response {
    document(texts, status, title, &format!("<p role=\"status\">{}</p>", escape(text)))
}

/// Why a link is of no use any more.
pub fn over(texts: &Texts, status: StatusCode, title: &str, end: &LinkEnd) -> Response {
    let text = match end {
        LinkEnd::Answered { option, time } => {
            // the option last: what is in it is not looked at again
            texts.answered.replace("{time}", &minute_of(*time)).replace("{option}", option)
        }
        LinkEnd::Reassigned => texts.reassigned.to_owned(),
        LinkEnd::Cancelled => texts.cancelled.to_owned(),
        LinkEnd::Decided { outcome } => texts.decided.replace("{}", outcome),
        LinkEnd::Unneeded => texts.unneeded.to_owned(),
    };
    let content = format!(
        "<p class=\"quiet\">{}: <bdi>{}</bdi></p><p role=\"status\">{}</p>",
        texts.approval,
        escape(title),
        escape(&text)
    );
    document(texts, status, texts.no_use, &content)
}

/// What was answered.
pub fn answered(texts: &Texts, done: &LinkAnswered) -> Response {
    let content = format!(
        "<p class=\"quiet\">{}: <bdi>{}</bdi></p><p>{}</p>",
        texts.approval,
        escape(&done.title),
        texts.close
    );
    let title = texts.done.replace("{}", &done.option);
    document(texts, StatusCode::OK, &title, &content)
}

/// What is asked, and the form that answers.
pub fn ask(
    texts: &Texts,
    invitation: &Invitation,
    status: StatusCode,
    filled: &Filled,
) -> Response {
    let mut content = String::new();
    if let Some(fault) = &filled.fault {
        let _ = write!(content, "<p class=\"fault\" role=\"alert\">{}</p>", escape(fault));
    }
    facts(texts, invitation, &mut content);
    about(texts, invitation, &mut content);
    form(texts, invitation, filled, &mut content);
    document(texts, status, &invitation.record.title, &content)
}

fn facts(texts: &Texts, invitation: &Invitation, content: &mut String) {
    let record = &invitation.record;
    content.push_str("<dl>");
    let mut fact = |name: &str, value: &str| {
        let _ = write!(content, "<dt>{name}</dt><dd><bdi>{}</bdi></dd>", escape(value));
    };
    let requestor = record.requestor.as_ref().map(|id| record.party(id).display_name);
    if let Some(requestor) = requestor {
        fact(texts.requestor, &requestor);
    }
    fact(texts.requested, &minute_of(record.created));
    if let Some(deadline) = record.state.deadline() {
        fact(texts.deadline, &minute_of(deadline));
    }
    fact(texts.asked, &record.party(&invitation.person).display_name);
    content.push_str("</dl>");
}

/// Details, the item, and files.
fn about(texts: &Texts, invitation: &Invitation, content: &mut String) {
    let record = &invitation.record;
    if let Some(details) = &record.details {
        let _ = write!(
            content,
            "<h2>{}</h2><div class=\"details\" dir=\"auto\">{}</div>",
            texts.details,
            markdown(details)
        );
    }
    if let Some(link) = record.item_link.as_deref().and_then(address) {
        let name = record.item_link_description.as_deref().unwrap_or_default();
        let link = escape(&link);
        let _ = write!(
            content,
            "<h2>{}</h2><p><bdi>{}</bdi> <a href=\"{link}\" target=\"_blank\" rel=\"noopener noreferrer\">{link}</a></p>",
            texts.link,
            escape(name)
        );
    }
    if !record.attachments.is_empty() {
        let _ = write!(content, "<h2>{}</h2><ul>", texts.attachments);
        for (number, file) in record.attachments.iter().enumerate() {
            let (name, size) = (escape(&file.name), size(file.bytes));
            // beside the page, whatever its address begins with
            let address = format!("{}/attachments/{number}", escape(&invitation.token));
            let _ = write!(
                content,
                "<li><a href=\"{address}\" download><bdi>{name}</bdi></a> ({size})</li>"
            );
        }
        content.push_str("</ul>");
    }
}

fn form(texts: &Texts, invitation: &Invitation, filled: &Filled, content: &mut String) {
    let options = &invitation.record.state.plan().options;
    let chosen = options.iter().position(|it| filled.option.as_ref() == Some(it));
    let _ = write!(
        content,
        "<form method=\"post\"><input type=\"hidden\" name=\"mark\" value=\"{}\"><h2><label for=\"comments\">{}</label></h2><textarea id=\"comments\" name=\"comments\" maxlength=\"{APPROVAL_FORM_COMMENT_CHARACTERS_MAX}\">\n{}</textarea><h2 id=\"answer\">{}</h2>",
        escape(&invitation.mark),
        texts.comments,
        escape(filled.comments.as_deref().unwrap_or_default()),
        texts.answer,
    );
    if let Some(option) = chosen.and_then(|it| options.get(it)) {
        let _ = write!(content, "<p>{}</p>", escape(&texts.chosen.replace("{}", option)));
    }
    content.push_str("<div class=\"options\" role=\"group\" aria-labelledby=\"answer\">");
    // the one that was chosen comes first
    let others = (0..options.len()).filter(|it| Some(*it) != chosen);
    for number in chosen.into_iter().chain(others) {
        let class = if Some(number) == chosen { " class=\"chosen\"" } else { "" };
        let option = options.get(number).map(|it| escape(it)).unwrap_or_default();
        let _ = write!(
            content,
            "<button type=\"submit\" name=\"response\" value=\"{number}\"{class}>{option}</button>"
        );
    }
    let _ = write!(content, "</div><p class=\"quiet\">{}</p></form>", texts.once);
}

/// An address that a browser may be sent to, as it is gone to.
fn address(text: &str) -> Option<String> {
    let parsed = url::Url::parse(text).ok()?;
    matches!(parsed.scheme(), "http" | "https").then(|| parsed.into())
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn document(texts: &Texts, status: StatusCode, title: &str, content: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_HASH
    );
    let title = escape(title);
    let document = format!(
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{title} - Sluicegate</title><style>{STYLE}</style></head><body><main><h1><bdi>{title}</bdi></h1>{content}</main></body></html>",
        texts.language
    );
    let mut response = (status, document).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(address("https://x.example/a b\"").unwrap(), "https://x.example/a%20b%22");
        for other in ["javascript:alert(1)", "data:text/html,x", "//x.example", "x"] {
            assert_eq!(address(other), None, "{other}");
        }
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!([size(3), size(2_048), size(3_500_000)], ["3 B", "2 KiB", "3 MiB"]);
    }
}
