//! What pages show of passkeys. The forms are hidden until the script shows them; the script
//! is one file of ours, and pages without passkeys do not have it.

use super::{
    Page, Script, escape, fault, form_start, hidden, last_button, other_button, paragraph,
};
use crate::api::login::text::{Texts, filled};
use crate::app::directory::User;
use crate::app::signin::browser::FactorOffer;
use crate::app::signin::passkey::{OwnPasskeys, Passkey, PasskeyOffer};
use crate::limits::PASSKEY_NAME_CHARACTERS_MAX;
use flow::run::format_time;
use std::fmt::Write;

fn no_script(texts: &Texts) -> String {
    format!("<noscript><p class=\"quiet\">{}</p></noscript>", texts.needs_script)
}

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
fn passkey_form(
    texts: &Texts,
    mark: &str,
    step: &str,
    offer: &PasskeyOffer,
    ask: &Ask<'_>,
) -> String {
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
    let by_script: &[&str] = match ask {
        Ask::Create(_) => &["clientData", "attestation"],
        Ask::Get | Ask::GetAlone => {
            &["credential", "clientData", "authenticatorData", "signature", "userHandle"]
        }
    };
    for name in by_script {
        form.push_str(&hidden(name, ""));
    }
    let _ = write!(form, "<p class=\"fault\" role=\"alert\" hidden>{}</p>", texts.passkey_unused);
    form
}

/// A page with another way to sign in below it. What else is to come back is the code of a
/// device.
pub fn or_passkey(
    texts: &Texts,
    page: Page,
    mark: &str,
    offer: &PasskeyOffer,
    code: Option<&str>,
) -> Page {
    let mut content = page.content;
    content.push_str(&passkey_form(texts, mark, "passkey", offer, &Ask::GetAlone));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    content.push_str(&other_button(texts.sign_in_passkey));
    Page { content, script: Script::Passkey, ..page }
}

/// The second factor, after a password that was right: a code, a passkey, or either.
pub fn enter_factor(
    texts: &Texts,
    mark: &str,
    pending: &str,
    offer: &FactorOffer,
    code: Option<&str>,
    wrong: Option<&str>,
) -> Page {
    let mut page = match offer.has_code {
        true => super::enter_factor(texts, mark, pending, code, wrong),
        false => Page::new(texts, texts.use_your_passkey, fault(texts, wrong)),
    };
    let Some(passkey) = &offer.passkey else {
        if !offer.has_code {
            page.content.push_str(&paragraph(texts.other_address));
        }
        return page;
    };
    let content = &mut page.content;
    content.push_str(&passkey_form(texts, mark, "factor-passkey", passkey, &Ask::Get));
    content.push_str(&hidden("pending", pending));
    if let Some(code) = code {
        content.push_str(&hidden("user_code", code));
    }
    let button = if offer.has_code { other_button } else { last_button };
    content.push_str(&button(texts.use_passkey));
    content.push_str(&no_script(texts));
    Page { script: Script::Passkey, ..page }
}

/// Somebody's passkeys, and what they may do about them.
pub fn passkeys(
    texts: &Texts,
    mark: &str,
    user: &User,
    own: &OwnPasskeys,
    wrong: Option<&str>,
) -> Page {
    let mut content = fault(texts, wrong);
    content.push_str(&paragraph(texts.about_passkeys));
    if own.passkeys.is_empty() {
        content.push_str(&paragraph(texts.no_passkeys));
    }
    for passkey in &own.passkeys {
        content.push_str(&one(texts, mark, passkey, own.is_fresh));
    }
    if !own.is_fresh {
        content.push_str(&form_start(mark, "again", ""));
        content.push_str(&paragraph(texts.sign_in_to_change));
        content.push_str(&last_button(texts.sign_in_again));
    }
    if !own.has_address {
        let _ = write!(content, "<p class=\"quiet\">{}</p>", texts.needs_address);
    }
    let mut script = Script::None;
    if let Some(offer) = &own.offer {
        content.push_str(&passkey_form(texts, mark, "add", offer, &Ask::Create(user)));
        content.push_str(&name_input(texts.passkey_name, "new", ""));
        content.push_str(&last_button(texts.add_passkey));
        content.push_str(&no_script(texts));
        script = Script::Passkey;
    }
    let _ = write!(
        content,
        "<p class=\"quiet\"><a href=\"/account/second-factor\">{}</a></p>",
        texts.app_codes
    );
    Page { script, ..Page::new(texts, texts.passkeys, content) }
}

fn name_input(label: &str, id: &str, value: &str) -> String {
    format!(
        "<label for=\"name-{id}\">{label}</label><input type=\"text\" id=\"name-{id}\" name=\"name\" value=\"{}\" maxlength=\"{PASSKEY_NAME_CHARACTERS_MAX}\" autocomplete=\"off\" required>",
        escape(value)
    )
}

fn one(texts: &Texts, mark: &str, passkey: &Passkey, may_change: bool) -> String {
    let day = |ticks| format_time(ticks).get(..10).unwrap_or_default().to_owned();
    let (algorithm, added) = (passkey.algorithm.name().to_owned(), day(passkey.created));
    let dates = match passkey.used {
        Some(used) => filled(texts.added_used, &[algorithm, added, day(used)]),
        None => filled(texts.added_unused, &[algorithm, added]),
    };
    let (name, id) = (escape(&passkey.name), escape(passkey.passkey_id()));
    let mut content = format!("<h2>{name}</h2><p class=\"quiet\">{dates}</p>");
    if may_change {
        content.push_str(&form_start(mark, "rename", ""));
        content.push_str(&hidden("passkey", &id));
        content.push_str(&name_input(texts.name, &id, &passkey.name));
        content.push_str(&other_button(texts.rename));
        content.push_str(&form_start(mark, "remove", ""));
        content.push_str(&hidden("passkey", &id));
        content.push_str(&other_button(texts.remove));
    }
    content
}
