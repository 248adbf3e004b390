//! The forms of signing in in a browser, whichever page they are on: name and password, and
//! after them a code where there is a second factor.

use super::ApiState;
use super::browser::Browser;
use super::form::Fields;
use super::page::{self, Page};
use crate::app::directory::User;
use crate::app::signin::browser::{At, Entered};
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
    Ok(with_status(page::sign_in(&mark, name, code, text), wrong.is_some()))
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
    let pending = fields.get("pending").filter(|_| fields.get("step") == Some("factor"));
    let name = fields.get("username").unwrap_or_default();
    let done = match pending {
        Some(pending) => state.app.finish_in_browser(&at, pending, fields.need("code")?).await,
        None => {
            let (name, password) = (fields.need("username")?, fields.need("password")?);
            state.app.sign_in_browser(&at, name, password).await
        }
    };
    let (pending, wrong) = match (done, pending) {
        (Ok(Entered::Done(user, cookie)), _) => {
            browser.sign_in((*user).clone(), cookie);
            return Ok(Ok(*user));
        }
        (Ok(Entered::NeedsCode(pending)), _) => (pending, None),
        (Err(SignInError::Refused(refusal)), Some(pending)) if refusal.is_wrong_code() => {
            (pending.to_owned(), Some(refusal))
        }
        (Err(SignInError::Refused(refusal)), _) => {
            return Ok(Err(sign_in_page(state, browser, name, device, Some(&refusal)).await?));
        }
        (Err(failure), _) => return Err(failure),
    };
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let text = wrong.as_ref().map(|refusal| refusal.message.as_str());
    let page = page::enter_factor(&mark, &pending, device, text);
    Ok(Err(with_status(page, wrong.is_some())))
}
