//! The forms of signing in in a browser, whichever page they are on: name and password, and
//! after them a code or a passkey where there is a second factor; or a passkey alone.

use super::ApiState;
use super::browser::Browser;
use super::form::Fields;
use super::page::{self, Page};
use crate::app::directory::User;
use crate::app::signin::browser::{At, Entered, Proof};
use crate::app::signin::passkey::GivenPasskey;
use crate::app::signin::{Refusal, SignInError};
use axum::http::StatusCode;

/// Asks for name and password. What else is to come back with them is the code of a device.
pub async fn sign_in_page(
    state: &ApiState,
    browser: &Browser,
    name: &str,
    code: Option<&str>,
    wrong: Option<&Refusal>,
) -> Result<Page, SignInError> {
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let text = wrong.map(|refusal| refusal.message.as_str());
    let texts = browser.texts;
    let mut page = page::sign_in(texts, &mark, name, code, text);
    if let Some(offer) = state.app.offer_passkeys(&browser.id).await? {
        page = page::passkey::or_passkey(texts, page, &mark, &offer, code);
    }
    Ok(with_status(page, wrong.is_some()))
}

/// A page that comes again because something was wrong says so.
pub fn with_status(page: Page, is_wrong: bool) -> Page {
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Page { status, ..page }
}

/// Takes a form. Answers who has signed in, or the next page.
pub async fn enter(
    state: &ApiState,
    browser: &mut Browser,
    fields: &Fields,
    client_id: &str,
) -> Result<Result<User, Page>, SignInError> {
    let at = At { browser: &browser.id, address: browser.address.as_deref(), client_id };
    let device = fields.get("user_code");
    let step = fields.get("step").unwrap_or_default();
    let pending = fields.get("pending").filter(|_| matches!(step, "factor" | "factor-passkey"));
    let name = fields.get("username").unwrap_or_default();
    let done = match (step, pending) {
        ("factor", Some(pending)) => {
            let proof = Proof::Code(fields.need("code")?);
            state.app.finish_in_browser(&at, pending, &proof).await
        }
        ("factor-passkey", Some(pending)) => {
            let proof = Proof::Passkey(given_passkey(fields)?);
            state.app.finish_in_browser(&at, pending, &proof).await
        }
        ("passkey", _) => state.app.sign_in_with_passkey(&at, &given_passkey(fields)?).await,
        _ => {
            let (name, password) = (fields.need("username")?, fields.need("password")?);
            state.app.sign_in_browser(&at, name, password).await
        }
    };
    let (pending, wrong) = match (done, pending) {
        (Ok(Entered::Done(user, cookie)), _) => {
            browser.sign_in((*user).clone(), cookie);
            return Ok(Ok(*user));
        }
        (Ok(Entered::NeedsFactor(pending)), _) => (pending, None),
        (Err(SignInError::Refused(refusal)), Some(pending)) if refusal.is_wrong_code() => {
            (pending.to_owned(), Some(refusal))
        }
        (Err(SignInError::Refused(refusal)), _) => {
            return Ok(Err(sign_in_page(state, browser, name, device, Some(&refusal)).await?));
        }
        (Err(failure), _) => return Err(failure),
    };
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let offer = state.app.factor_offer(&at, &pending).await?;
    let text = wrong.as_ref().map(|refusal| refusal.message.as_str());
    let page = page::passkey::enter_factor(browser.texts, &mark, &pending, &offer, device, text);
    Ok(Err(with_status(page, wrong.is_some())))
}

/// What the script has put into a form.
fn given_passkey(fields: &Fields) -> Result<GivenPasskey<'_>, Refusal> {
    Ok(GivenPasskey {
        challenge: fields.need("challenge")?,
        credential: fields.need("credential")?,
        client_data: fields.need("clientData")?,
        authenticator_data: fields.need("authenticatorData")?,
        signature: fields.need("signature")?,
        user_handle: fields.get("userHandle"),
    })
}
