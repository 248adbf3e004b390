//! Pages: whole documents with everything from outside escaped. There are two scripts: one
//! sends the form of an answer on its way, one speaks to passkeys. No page needs them.

pub mod passkey;

use super::text::{Texts, filled};
use crate::app::directory::{Application, User};
pub use crate::html::escape;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;
use url::Url;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1b1f24}\
main{max-width:24rem;margin:12vh auto;padding:2rem;background:#fff;border:1px solid #d5d9df;border-radius:8px}\
h1{font-size:1.3rem;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 0}label{display:block;margin:.75rem 0 .25rem}\
input[type=text],input[type=password]{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid #8a919b;border-radius:4px}\
label.row{display:flex;gap:.5rem;align-items:baseline}\
button{font:inherit;margin:1.25rem .5rem 0 0;padding:.5rem 1.25rem;border-radius:4px;border:1px solid #1f5fbf;background:#1f5fbf;color:#fff;cursor:pointer}\
button.other{background:#fff;color:#1f5fbf}:focus-visible{outline:3px solid #f0b400;outline-offset:2px}\
code{overflow-wrap:anywhere}.fault{padding:.5rem .75rem;border-left:4px solid #b3261e;background:#fbeae9}.quiet{color:#555c66}";

/// What the browser may load: this style.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

/// Sends the one form of a page.
const SCRIPT: &str = "document.forms[0].submit()";

/// What lets a browser run that, on pages that have it.
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(SCRIPT)));

/// What a page may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    None,
    /// What sends its form.
    Send,
    /// The file of passkeys.
    Passkey,
}

impl Script {
    /// Its element, and what the policy says of it.
    fn parts(self) -> (String, String) {
        match self {
            Script::None => (String::new(), String::new()),
            Script::Send => (
                format!("<script>{SCRIPT}</script>"),
                format!(" script-src 'sha256-{}';", *SCRIPT_HASH),
            ),
            Script::Passkey => (
                "<script src=\"/account/passkey.js\"></script>".to_owned(),
                " script-src 'self';".to_owned(),
            ),
        }
    }
}

/// A page in the making.
pub struct Page {
    pub status: StatusCode,
    pub language: &'static str,
    pub title: &'static str,
    pub content: String,
    /// Where its form may lead in the end, besides here.
    pub leads_to: Option<String>,
    pub script: Script,
}

impl Page {
    pub fn new(texts: &Texts, title: &'static str, content: String) -> Page {
        Page {
            status: StatusCode::OK,
            language: texts.language,
            title,
            content,
            leads_to: None,
            script: Script::None,
        }
    }

    /// A page on which nothing can be done.
    pub fn message(texts: &Texts, status: StatusCode, title: &'static str, text: &str) -> Page {
        Page { status, ..Page::new(texts, title, format!("<p>{}</p>", escape(text))) }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let leads_to = self.leads_to.as_deref().and_then(origin).unwrap_or_default();
        let (script, script_source) = self.script.parts();
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}';{script_source} form-action 'self' {leads_to}; frame-ancestors 'none'; base-uri 'none'",
            *STYLE_HASH
        );
        let (language, title) = (self.language, self.title);
        let document = format!(
            "<!DOCTYPE html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} - Sluicegate</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{}</main>{script}</body></html>",
            self.content
        );
        let mut response = (self.status, document).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// Scheme, host and port, when they are plain enough for a policy.
fn origin(uri: &str) -> Option<String> {
    let origin = Url::parse(uri).ok()?.origin().ascii_serialization();
    (origin != "null" && !origin.contains([';', ',', ' ', '\''])).then_some(origin)
}

/// The beginning of a form that is sent to its own address.
fn form(mark: &str, step: &str) -> String {
    form_start(mark, step, "")
}

/// The same with attributes, each after a space.
fn form_start(mark: &str, step: &str, attributes: &str) -> String {
    format!(
        "<form method=\"post\"{attributes}><input type=\"hidden\" name=\"mark\" value=\"{}\"><input type=\"hidden\" name=\"step\" value=\"{step}\">",
        escape(mark)
    )
}

fn fault(texts: &Texts, text: Option<&str>) -> String {
    text.map(|text| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(&texts.said(text))))
        .unwrap_or_default()
}

/// What somebody is named by within a text.
fn strong(text: &str) -> String {
    format!("<strong>{}</strong>", escape(text))
}

/// The answer to an application, as a form that goes to it: by itself where script runs,
/// else with its button.
pub fn form_post(texts: &Texts, redirect_uri: &str, pairs: &[(&str, &str)]) -> Page {
    let mut content = format!("<form method=\"post\" action=\"{}\">", escape(redirect_uri));
    for (name, value) in pairs {
        let _ = write!(
            content,
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            escape(name),
            escape(value)
        );
    }
    let _ = write!(
        content,
        "<p>{}</p><button type=\"submit\">{}</button></form>",
        texts.taken_back, texts.go_on
    );
    let leads_to = Some(redirect_uri.to_owned());
    Page { leads_to, script: Script::Send, ..Page::new(texts, texts.back_title, content) }
}

/// Name and password. What else is to come back with them is hidden in the form.
pub fn sign_in(
    texts: &Texts,
    mark: &str,
    name: &str,
    code: Option<&str>,
    wrong: Option<&str>,
) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&form(mark, "signin"));
    let _ = write!(
        content,
        "<label for=\"username\">{}</label><input type=\"text\" id=\"username\" name=\"username\" value=\"{}\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required>",
        texts.name,
        escape(name)
    );
    content.push_str(&password_input(texts.password));
    if let Some(code) = code {
        let _ = write!(
            content,
            "<input type=\"hidden\" name=\"user_code\" value=\"{}\">",
            escape(code)
        );
    }
    content.push_str(&last_button(texts.sign_in));
    Page::new(texts, texts.sign_in, content)
}

fn password_input(label: &str) -> String {
    format!(
        "<label for=\"password\">{label}</label><input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>"
    )
}

/// What sends a form, and its end.
fn last_button(text: &str) -> String {
    format!("<button type=\"submit\">{text}</button></form>")
}

/// The same where there is another that people rather take.
fn other_button(text: &str) -> String {
    format!("<button type=\"submit\" class=\"other\">{text}</button></form>")
}

/// The way to an issuer from outside.
pub fn outside_link(texts: &Texts, number: usize, label: &str, to: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("issuer", &number.to_string()).append_pair("to", to).finish();
    format!(
        "<p><a href=\"/console/sign-in/outside?{}\">{}</a></p>",
        escape(&query),
        filled(texts.sign_in_with, &[escape(label)])
    )
}

/// A code of the second factor, after a password that was right.
pub fn enter_factor(
    texts: &Texts,
    mark: &str,
    pending: &str,
    code: Option<&str>,
    wrong: Option<&str>,
) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&form(mark, "factor"));
    content.push_str(&hidden("pending", pending));
    content.push_str(&factor_input(texts.code_or_recovery));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    content.push_str(&last_button(texts.sign_in));
    Page::new(texts, texts.enter_code, content)
}

fn factor_input(label: &str) -> String {
    format!(
        "<label for=\"code\">{label}</label><input type=\"text\" id=\"code\" name=\"code\" autocomplete=\"one-time-code\" autocapitalize=\"characters\" spellcheck=\"false\" required>"
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
}

fn passkeys_link(texts: &Texts) -> String {
    format!("<p class=\"quiet\"><a href=\"/account/passkeys\">{}</a></p>", texts.passkeys)
}

/// Somebody without an app for codes may set one up.
pub fn no_factor(texts: &Texts, mark: &str, wrong: Option<&str>) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&paragraph(texts.no_app));
    content.push_str(&form(mark, "begin"));
    content.push_str(&password_input(texts.your_password));
    content.push_str(&last_button(texts.set_up));
    content.push_str(&passkeys_link(texts));
    Page::new(texts, texts.second_factor, content)
}

/// What the app is to be told; without it when the code was wrong.
pub fn confirm_factor(
    texts: &Texts,
    mark: &str,
    new: Option<(&str, &str)>,
    wrong: Option<&str>,
) -> Page {
    let mut content = fault(texts, wrong);
    if let Some((secret, uri)) = new {
        let _ = write!(
            content,
            "<p>{}</p><p><code>{}</code></p><p class=\"quiet\">{} <code>{}</code></p>",
            texts.new_key,
            escape(secret),
            texts.as_address,
            escape(uri)
        );
    }
    content.push_str(&form(mark, "confirm"));
    content.push_str(&factor_input(texts.code_now));
    content.push_str(&last_button(texts.confirm));
    Page::new(texts, texts.second_factor, content)
}

/// Codes for when the phone is gone.
pub fn recovery(texts: &Texts, codes: &[String]) -> Page {
    let mut content = format!("<p>{}</p><ul>", texts.recovery);
    for code in codes {
        let _ = write!(content, "<li><code>{}</code></li>", escape(code));
    }
    content.push_str("</ul>");
    Page::new(texts, texts.second_factor, content)
}

/// Somebody with an app for codes may give it up.
pub fn has_factor(texts: &Texts, mark: &str, recovery_left: usize, wrong: Option<&str>) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&paragraph(&filled(texts.has_app, &[recovery_left.to_string()])));
    content.push_str(&form(mark, "remove"));
    content.push_str(&factor_input(texts.code_or_recovery));
    content.push_str(&other_button(texts.remove));
    content.push_str(&passkeys_link(texts));
    Page::new(texts, texts.second_factor, content)
}

/// The code that a device shows.
pub fn enter_code(texts: &Texts, mark: &str, wrong: Option<&str>) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&form(mark, "code"));
    let _ = write!(
        content,
        "<label for=\"user_code\">{}</label><input type=\"text\" id=\"user_code\" name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" required>",
        texts.device_code
    );
    content.push_str(&last_button(texts.next));
    Page::new(texts, texts.enter_code, content)
}

/// Who asks for a sign-in at the service of a connector. The form leads there.
pub fn go_to_service(
    texts: &Texts,
    mark: &str,
    by: &str,
    connection: &str,
    connector: &str,
) -> Page {
    let named = [strong(&texts.said(by)), strong(connector), strong(connection)];
    let mut content = paragraph(&filled(texts.service_asks, &named));
    content.push_str(&paragraph(texts.only_if_asked));
    content.push_str(&form(mark, "go"));
    content.push_str(&last_button(texts.go_on));
    Page::new(texts, texts.service_title, content)
}

/// What somebody is asked to consent to.
pub struct Question<'a> {
    pub mark: &'a str,
    pub application: &'a Application,
    pub user: &'a User,
    /// Whether they may answer for everybody.
    pub is_administrator: bool,
    /// The code of a device that waits.
    pub code: Option<&'a str>,
}

/// Who wants to act for whom.
pub fn consent(texts: &Texts, question: &Question<'_>) -> Page {
    let named =
        [strong(&question.application.display_name), strong(&question.user.user_principal_name)];
    let mut content = paragraph(&filled(texts.application_asks, &named));
    let _ = write!(
        content,
        "<p class=\"quiet\">{}</p>",
        filled(texts.application, &[escape(&question.application.client_id)])
    );
    if question.code.is_some() {
        content.push_str(&paragraph(texts.only_if_begun));
    }
    content.push_str(&form(question.mark, "consent"));
    if let Some(code) = question.code {
        let _ = write!(
            content,
            "<input type=\"hidden\" name=\"user_code\" value=\"{}\">",
            escape(code)
        );
    }
    if question.is_administrator && !question.application.is_consented {
        let _ = write!(
            content,
            "<label class=\"row\"><input type=\"checkbox\" name=\"organization\" value=\"yes\"> {}</label>",
            texts.for_organization
        );
    }
    let _ = write!(
        content,
        "<button type=\"submit\" name=\"answer\" value=\"accept\">{}</button><button type=\"submit\" class=\"other\" name=\"answer\" value=\"cancel\">{}</button></form>",
        texts.accept, texts.cancel
    );
    Page::new(texts, texts.permission, content)
}

/// A text of ours, with what is put in escaped.
fn paragraph(text: &str) -> String {
    format!("<p>{text}</p>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::login::text;
    use axum::http::HeaderMap;

    fn english() -> &'static Texts {
        text::of(&HeaderMap::new())
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        let page = sign_in(english(), "m", "\"><script>alert('x')</script>&", None, None);
        assert!(
            page.content.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;")
        );
        assert!(!page.content.contains("<script"));
    }

    #[test]
    fn a_policy_names_the_place_a_form_leads_to() {
        assert_eq!(origin("http://localhost:4000/x?y").as_deref(), Some("http://localhost:4000"));
        assert_eq!(origin("data:text/html,x"), None);
        let page = Page {
            leads_to: Some("https://app.example/x".to_owned()),
            ..Page::new(english(), "T", String::new())
        };
        let response = page.into_response();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}
