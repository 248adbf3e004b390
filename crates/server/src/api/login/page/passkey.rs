//! What pages show of passkeys. The forms are hidden until the script shows them; the script
//! is one file of ours, and pages without passkeys do not have it.

use super::{Page, Script, escape, fault, form_start, hidden};
use crate::app::directory::User;
use crate::app::signin::browser::FactorOffer;
use crate::app::signin::passkey::{OwnPasskeys, Passkey, PasskeyOffer};
use crate::limits::PASSKEY_NAME_CHARACTERS_MAX;
use flow::run::format_time;
use std::fmt::Write;

const NO_SCRIPT: &str =
    "<noscript><p class=\"quiet\">Passkeys need script in this browser.</p></noscript>";

/// What a passkey is to show.
enum Ask<'a> {
    /// A new one of somebody.
    Create(&'a User),
    /// A known one, after a password.
    Get,
    /// A known one that says who it is, and has seen them.
    GetAlone,
}

/// The beginning of a form that the script fills.
fn passkey_form(mark: &str, step: &str, offer: &PasskeyOffer, ask: &Ask<'_>) -> String {
    let more = match ask {
        Ask::Create(user) => format!(
            "\"create\" data-user=\"{}\" data-account=\"{}\" data-person=\"{}\"",
            escape(&user.id),
            escape(&user.user_principal_name),
            escape(&user.display_name)
        ),
        Ask::Get => "\"get\" data-verification=\"discouraged\"".to_owned(),
        Ask::GetAlone => "\"get\" data-verification=\"required\"".to_owned(),
    };
    let attributes = format!(
        " hidden data-passkey={more} data-origin=\"{}\" data-rp=\"{}\" data-challenge=\"{}\" data-credentials=\"{}\"",
        escape(&offer.relying_party.origin),
        escape(&offer.relying_party.id),
        escape(&offer.challenge),
        escape(&offer.credentials.join(" "))
    );
    let mut form = form_start(mark, step, &attributes);
    form.push_str(&hidden("challenge", &offer.challenge));
    let filled: &[&str] = match ask {
        Ask::Create(_) => &["clientData", "attestation"],
        Ask::Get | Ask::GetAlone => {
            &["credential", "clientData", "authenticatorData", "signature", "userHandle"]
        }
    };
    for name in filled {
        form.push_str(&hidden(name, ""));
    }
    form.push_str("<p class=\"fault\" role=\"alert\" hidden>The passkey was not used: it was cancelled, took too long, or is not one for this.</p>");
    form
}

/// A page with another way to sign in below it. What else is to come back is the code of a
/// device.
pub fn or_passkey(page: Page, mark: &str, offer: &PasskeyOffer, code: Option<&str>) -> Page {
    let mut content = page.content;
    content.push_str(&passkey_form(mark, "passkey", offer, &Ask::GetAlone));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    content
        .push_str("<button type=\"submit\" class=\"other\">Sign in with a passkey</button></form>");
    Page { content, script: Script::Passkey, ..page }
}

/// The second factor, after a password that was right: a code, a passkey, or either.
pub fn enter_factor(
    mark: &str,
    pending: &str,
    offer: &FactorOffer,
    code: Option<&str>,
    wrong: Option<&str>,
) -> Page {
    let mut page = match offer.has_code {
        true => super::enter_factor(mark, pending, code, wrong),
        false => Page::new("Use your passkey", fault(wrong)),
    };
    let Some(passkey) = &offer.passkey else {
        if !offer.has_code {
            page.content.push_str("<p>Your passkeys were made for another address of this server. Go there, or ask an administrator to take them away.</p>");
        }
        return page;
    };
    let content = &mut page.content;
    content.push_str(&passkey_form(mark, "factor-passkey", passkey, &Ask::Get));
    content.push_str(&hidden("pending", pending));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    let class = if offer.has_code { " class=\"other\"" } else { "" };
    let _ = write!(content, "<button type=\"submit\"{class}>Use a passkey</button></form>");
    content.push_str(NO_SCRIPT);
    Page { script: Script::Passkey, ..page }
}

/// Somebody's passkeys, and what they may do about them.
pub fn passkeys(mark: &str, user: &User, own: &OwnPasskeys, wrong: Option<&str>) -> Page {
    let mut content = fault(wrong);
    content.push_str("<p>A passkey is a key on your phone, your computer or a security key. Signing in takes it besides your password; one that checks who you are lets you in without.</p>");
    if own.passkeys.is_empty() {
        content.push_str("<p>You have no passkeys.</p>");
    }
    for passkey in &own.passkeys {
        content.push_str(&one(mark, passkey, own.is_fresh));
    }
    if !own.is_fresh {
        content.push_str(&form_start(mark, "again", ""));
        content.push_str("<p>To change your passkeys, sign in again.</p><button type=\"submit\">Sign in again</button></form>");
    }
    if !own.has_address {
        content.push_str("<p class=\"quiet\">Passkeys need this server to have a public address with a name, over https: ask an administrator.</p>");
    }
    let mut script = Script::None;
    if let Some(offer) = &own.offer {
        content.push_str(&passkey_form(mark, "add", offer, &Ask::Create(user)));
        content.push_str(&name_input("Name of a new passkey", "new", ""));
        content.push_str("<button type=\"submit\">Add a passkey</button></form>");
        content.push_str(NO_SCRIPT);
        script = Script::Passkey;
    }
    content.push_str(
        "<p class=\"quiet\"><a href=\"/account/second-factor\">Codes from an app</a></p>",
    );
    Page { script, ..Page::new("Passkeys", content) }
}

fn name_input(label: &str, id: &str, value: &str) -> String {
    format!(
        "<label for=\"name-{id}\">{label}</label><input type=\"text\" id=\"name-{id}\" name=\"name\" value=\"{}\" maxlength=\"{PASSKEY_NAME_CHARACTERS_MAX}\" autocomplete=\"off\" required>",
        escape(value)
    )
}

fn one(mark: &str, passkey: &Passkey, may_change: bool) -> String {
    let day = |ticks| format_time(ticks).get(..10).unwrap_or_default().to_owned();
    let used = match passkey.used {
        Some(used) => format!("last used {}", day(used)),
        None => "not used yet".to_owned(),
    };
    let (name, id) = (escape(&passkey.name), escape(passkey.passkey_id()));
    let added = day(passkey.created);
    let mut content = format!(
        "<h2>{name}</h2><p class=\"quiet\">{} added {added}, {used}.</p>",
        passkey.algorithm.name()
    );
    if may_change {
        content.push_str(&form_start(mark, "rename", ""));
        content.push_str(&hidden("passkey", &id));
        content.push_str(&name_input("Name", &id, &passkey.name));
        content.push_str("<button type=\"submit\" class=\"other\">Rename</button></form>");
        content.push_str(&form_start(mark, "remove", ""));
        content.push_str(&hidden("passkey", &id));
        content.push_str("<button type=\"submit\" class=\"other\">Remove</button></form>");
    }
    content
}
