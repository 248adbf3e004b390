//! Pages: whole documents with everything from outside escaped. There are two scripts: one
//! sends the form of an answer on its way, one speaks to passkeys. No page needs them.

pub mod passkey;

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
    pub title: &'static str,
    pub content: String,
    /// Where its form may lead in the end, besides here.
    pub leads_to: Option<String>,
    pub script: Script,
}

impl Page {
    pub fn new(title: &'static str, content: String) -> Page {
        Page { status: StatusCode::OK, title, content, leads_to: None, script: Script::None }
    }

    /// A page on which nothing can be done.
    pub fn message(status: StatusCode, title: &'static str, text: &str) -> Page {
        Page { status, ..Page::new(title, format!("<p>{}</p>", escape(text))) }
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
        let title = self.title;
        let document = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} - Sluicegate</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{}</main>{script}</body></html>",
            self.content
        );
        let mut response = (self.status, document).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
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

fn fault(text: Option<&str>) -> String {
    text.map(|text| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(text)))
        .unwrap_or_default()
}

/// The answer to an application, as a form that goes to it: by itself where script runs,
/// else with its button.
pub fn form_post(redirect_uri: &str, pairs: &[(&str, &str)]) -> Page {
    let mut content = format!("<form method=\"post\" action=\"{}\">", escape(redirect_uri));
    for (name, value) in pairs {
        let _ = write!(
            content,
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            escape(name),
            escape(value)
        );
    }
    content.push_str("<p>You are being taken back to the application.</p><button type=\"submit\">Go on</button></form>");
    let leads_to = Some(redirect_uri.to_owned());
    Page { leads_to, script: Script::Send, ..Page::new("Back to the application", content) }
}

/// Name and password. What else is to come back with them is hidden in the form.
pub fn sign_in(mark: &str, name: &str, code: Option<&str>, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    content.push_str(&form(mark, "signin"));
    let _ = write!(
        content,
        "<label for=\"username\">Name</label><input type=\"text\" id=\"username\" name=\"username\" value=\"{}\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required>",
        escape(name)
    );
    content.push_str("<label for=\"password\">Password</label><input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>");
    if let Some(code) = code {
        let _ = write!(
            content,
            "<input type=\"hidden\" name=\"user_code\" value=\"{}\">",
            escape(code)
        );
    }
    content.push_str("<button type=\"submit\">Sign in</button></form>");
    Page::new("Sign in", content)
}

/// The way to an issuer from outside.
pub fn outside_link(number: usize, label: &str, to: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("issuer", &number.to_string()).append_pair("to", to).finish();
    format!(
        "<p><a href=\"/console/sign-in/outside?{}\">Sign in with {}</a></p>",
        escape(&query),
        escape(label)
    )
}

/// A code of the second factor, after a password that was right.
pub fn enter_factor(mark: &str, pending: &str, code: Option<&str>, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    content.push_str(&form(mark, "factor"));
    content.push_str(&hidden("pending", pending));
    content.push_str(&factor_input("Code that your app shows, or one of your recovery codes"));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    content.push_str("<button type=\"submit\">Sign in</button></form>");
    Page::new("Enter code", content)
}

fn factor_input(label: &str) -> String {
    format!(
        "<label for=\"code\">{label}</label><input type=\"text\" id=\"code\" name=\"code\" autocomplete=\"one-time-code\" autocapitalize=\"characters\" spellcheck=\"false\" required>"
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
}

const PASSKEYS: &str = "<p class=\"quiet\"><a href=\"/account/passkeys\">Passkeys</a></p>";

/// Somebody without an app for codes may set one up.
pub fn no_factor(mark: &str, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    content.push_str("<p>You have no app that shows codes. With one, signing in takes a code from it besides your password.</p>");
    content.push_str(&form(mark, "begin"));
    content.push_str("<label for=\"password\">Your password</label><input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>");
    content.push_str("<button type=\"submit\">Set up</button></form>");
    content.push_str(PASSKEYS);
    Page::new("Second factor", content)
}

/// What the app is to be told; without it when the code was wrong.
pub fn confirm_factor(mark: &str, new: Option<(&str, &str)>, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    if let Some((secret, uri)) = new {
        let _ = write!(
            content,
            "<p>Enter this key in your app. It is shown only now.</p><p><code>{}</code></p><p class=\"quiet\">The same as an address: <code>{}</code></p>",
            escape(secret),
            escape(uri)
        );
    }
    content.push_str(&form(mark, "confirm"));
    content.push_str(&factor_input("Code that your app shows now"));
    content.push_str("<button type=\"submit\">Confirm</button></form>");
    Page::new("Second factor", content)
}

/// Codes for when the phone is gone.
pub fn recovery(codes: &[String]) -> Page {
    let mut content = "<p>Your second factor is set up. Keep these codes somewhere safe: each lets you in once without your phone. They are shown only now.</p><ul>".to_owned();
    for code in codes {
        let _ = write!(content, "<li><code>{}</code></li>", escape(code));
    }
    content.push_str("</ul>");
    Page::new("Second factor", content)
}

/// Somebody with an app for codes may give it up.
pub fn has_factor(mark: &str, recovery_left: usize, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    let _ = write!(
        content,
        "<p>You have an app that shows codes. {recovery_left} recovery codes were not used yet.</p>"
    );
    content.push_str(&form(mark, "remove"));
    content.push_str(&factor_input("Code that your app shows, or one of your recovery codes"));
    content.push_str("<button type=\"submit\" class=\"other\">Remove</button></form>");
    content.push_str(PASSKEYS);
    Page::new("Second factor", content)
}

/// The code that a device shows.
pub fn enter_code(mark: &str, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    content.push_str(&form(mark, "code"));
    content.push_str("<label for=\"user_code\">Code that your program or device shows</label><input type=\"text\" id=\"user_code\" name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" required>");
    content.push_str("<button type=\"submit\">Next</button></form>");
    Page::new("Enter code", content)
}

/// Who asks for a sign-in at the service of a connector. The form leads there.
pub fn go_to_service(mark: &str, by: &str, connection: &str, connector: &str) -> Page {
    let mut content = String::new();
    let _ = write!(
        content,
        "<p><strong>{}</strong> asks you to sign in at the service of <strong>{}</strong>, for the connection <strong>{}</strong> on this server. Whoever may use the connection acts there in your name.</p><p>Go on only if you have just asked for this yourself.</p>",
        escape(by),
        escape(connector),
        escape(connection)
    );
    content.push_str(&form(mark, "go"));
    content.push_str("<button type=\"submit\">Go on</button></form>");
    Page::new("Sign in at a service", content)
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
pub fn consent(question: &Question<'_>) -> Page {
    let mut content = String::new();
    let _ = write!(
        content,
        "<p><strong>{}</strong> asks to sign in as <strong>{}</strong> and to do in your name what you may do here: see, change and run your flows.</p>",
        escape(&question.application.display_name),
        escape(&question.user.user_principal_name)
    );
    let _ = write!(
        content,
        "<p class=\"quiet\">Application {}</p>",
        escape(&question.application.client_id)
    );
    if question.code.is_some() {
        content.push_str("<p>Go on only if you have just begun to sign in there yourself.</p>");
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
        content.push_str("<label class=\"row\"><input type=\"checkbox\" name=\"organization\" value=\"yes\"> Consent on behalf of your organization: nobody else is asked</label>");
    }
    content.push_str("<button type=\"submit\" name=\"answer\" value=\"accept\">Accept</button><button type=\"submit\" class=\"other\" name=\"answer\" value=\"cancel\">Cancel</button></form>");
    Page::new("Permission requested", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        let page = sign_in("m", "\"><script>alert('x')</script>&", None, None);
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
            ..Page::new("T", String::new())
        };
        let response = page.into_response();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}
