//! The authorization endpoint: a person's browser comes with what an application asks for,
//! and goes back with a code or with the reason why there is none.

use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use super::page::{self, Page, Question};
use super::text::Texts;
use super::{ApiState, check_tenant};
use crate::api::error::status_of;
use crate::app::data::Known;
use crate::app::directory::{Application, User};
use crate::app::signin::code::CodeRequest;
use crate::app::signin::consent::ConsentFor;
use crate::app::signin::{Refusal, SignInError};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

/// Characters of a challenge: SHA-256 in base64url.
const CHALLENGE_CHARACTERS: usize = 43;

/// What came with the browser.
struct Visit {
    application: Known<Application>,
    request: CodeRequest,
    answer: Way,
    prompt: String,
    login_hint: String,
}

impl Visit {
    /// A page whose form leads back to the application in the end.
    fn page(&self, page: Page) -> Response {
        Page { leads_to: Some(self.answer.redirect_uri.clone()), ..page }.into_response()
    }
}

/// How the answer goes back to the application.
struct Way {
    redirect_uri: String,
    state: Option<String>,
    mode: ResponseMode,
    /// What pages on the way say.
    texts: &'static Texts,
}

/// In which part of the way back the answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResponseMode {
    Query,
    Fragment,
    /// A form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    fn read(given: Option<&str>) -> Option<ResponseMode> {
        match given {
            None | Some("query") => Some(ResponseMode::Query),
            Some("fragment") => Some(ResponseMode::Fragment),
            Some("form_post") => Some(ResponseMode::FormPost),
            Some(_) => None,
        }
    }
}

impl Way {
    /// Sends the browser back.
    fn back(&self, pairs: &[(&str, &str)]) -> Response {
        let texts = self.texts;
        let Ok(mut url) = Url::parse(&self.redirect_uri) else {
            let (status, text) = (StatusCode::BAD_REQUEST, texts.no_way_back);
            return Page::message(texts, status, texts.sign_in, text).into_response();
        };
        let mut pairs = pairs.to_vec();
        pairs.extend(self.state.iter().map(|state| ("state", state.as_str())));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&pairs).finish();
        match self.mode {
            ResponseMode::FormPost => {
                return page::form_post(texts, &self.redirect_uri, &pairs).into_response();
            }
            ResponseMode::Fragment => url.set_fragment(Some(&query)),
            ResponseMode::Query => {
                let known = url.query().filter(|it| !it.is_empty());
                let known = known.map(|it| format!("{it}&{query}"));
                url.set_query(Some(&known.unwrap_or(query)));
            }
        }
        let mut response = StatusCode::SEE_OTHER.into_response();
        if let Ok(location) = HeaderValue::from_str(url.as_str()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    fn refuse(&self, error: &str, description: &str) -> Response {
        self.back(&[("error", error), ("error_description", description)])
    }
}

/// What went wrong, on a page: where codes may not be sent, errors are not sent either.
pub(super) fn failed(texts: &Texts, error: SignInError) -> Response {
    let (status, text) = match error {
        SignInError::Refused(refusal) => {
            let message = texts.said(&refusal.message).into_owned();
            (StatusCode::BAD_REQUEST, Refusal { message, ..refusal }.description())
        }
        SignInError::Failed(error) => {
            (status_of(error.kind), texts.said(&error.message).into_owned())
        }
    };
    Page::message(texts, status, texts.failed, &text).into_response()
}

pub async fn show(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let arrival = match arrive(&state, browser.texts, &tenant, query.as_deref()).await {
        Ok(arrival) => arrival,
        Err(error) => return failed(browser.texts, error),
    };
    let visit = match arrival {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let asks_again = matches!(&*visit.prompt, "login" | "select_account");
    let done = match browser.user.clone() {
        Some(user) if !asks_again => go_on(&state, &visit, &browser, user).await,
        _ if visit.prompt == "none" => {
            Ok(visit.answer.refuse("login_required", "AADSTS50058: Nobody is signed in."))
        }
        _ => ask_who(&state, &visit, &browser).await,
    };
    browser.answer(done)
}

pub async fn send(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    sent: Sent,
) -> Response {
    let Sent { mut browser, fields } = sent;
    let arrival = match arrive(&state, browser.texts, &tenant, query.as_deref()).await {
        Ok(arrival) => arrival,
        Err(error) => return failed(browser.texts, error),
    };
    let visit = match arrival {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let done = answer(&state, &visit, &mut browser, &fields).await;
    browser.answer(done)
}

/// Reads what the application asks for. What is wrong before it is known where answers may
/// go is an error; what is wrong after that goes back.
async fn arrive(
    state: &ApiState,
    texts: &'static Texts,
    tenant: &str,
    query: Option<&str>,
) -> Result<Result<Visit, Response>, SignInError> {
    check_tenant(state, tenant)?;
    let fields = Fields::of_query(query)?;
    let redirect_uri = fields.need("redirect_uri")?;
    let application = state.app.asking_application(fields.need("client_id")?, redirect_uri).await?;
    let answer = Way {
        redirect_uri: redirect_uri.to_owned(),
        state: fields.owned("state"),
        // one that is not known is refused by query
        mode: ResponseMode::read(fields.get("response_mode")).unwrap_or(ResponseMode::Query),
        texts,
    };
    let request = match read_request(&fields, &application) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(answer.refuse(refusal.error, &refusal.description()))),
    };
    Ok(Ok(Visit {
        application,
        request,
        answer,
        prompt: fields.get("prompt").unwrap_or_default().to_owned(),
        login_hint: fields.get("login_hint").unwrap_or_default().to_owned(),
    }))
}

fn read_request(fields: &Fields, application: &Application) -> Result<CodeRequest, Refusal> {
    let kind = fields.need("response_type")?;
    if kind != "code" {
        return Err(Refusal::unsupported_response(kind));
    }
    if let Some(mode) =
        fields.get("response_mode").filter(|it| ResponseMode::read(Some(it)).is_none())
    {
        return Err(Refusal::unsupported_response(mode));
    }
    let challenge = fields.owned("code_challenge");
    let is_fine = match &challenge {
        Some(challenge) => {
            fields.get("code_challenge_method") == Some("S256")
                && challenge.len() == CHALLENGE_CHARACTERS
        }
        // who can keep a secret shows it when the code is exchanged
        None => !application.is_public && fields.get("code_challenge_method").is_none(),
    };
    if !is_fine {
        return Err(Refusal::challenge_needed());
    }
    Ok(CodeRequest {
        redirect_uri: fields.need("redirect_uri")?.to_owned(),
        challenge,
        nonce: fields.owned("nonce"),
        asked: fields.asked()?.unwrap_or_default(),
    })
}

/// Takes a form of this endpoint.
async fn answer(
    state: &ApiState,
    visit: &Visit,
    browser: &mut Browser,
    fields: &Fields,
) -> Result<Response, SignInError> {
    match (fields.need("step")?, browser.user.clone()) {
        ("consent", Some(user)) => {
            if fields.get("answer") != Some("accept") {
                let description = "AADSTS65004: User declined to consent to access the app.";
                return Ok(visit.answer.refuse("access_denied", description));
            }
            state.app.consent(&visit.application, &user, whom(fields)).await?;
            // consent for everybody has changed the application
            let client = &visit.application.client_id;
            let uri = &visit.request.redirect_uri;
            let application = state.app.asking_application(client, uri).await?;
            send_code(state, visit, &application, &user).await
        }
        ("consent", None) => ask_who(state, visit, browser).await,
        _ => {
            let client = &visit.application.client_id;
            match enter(state, browser, fields, client).await? {
                Ok(user) => go_on(state, visit, browser, user).await,
                Err(page) => Ok(visit.page(page)),
            }
        }
    }
}

/// For whom a form consents.
pub(super) fn whom(fields: &Fields) -> ConsentFor {
    match fields.get("organization") {
        Some("yes") => ConsentFor::Organization,
        _ => ConsentFor::Myself,
    }
}

/// Somebody is signed in: asks for consent where there is none, or sends a code.
async fn go_on(
    state: &ApiState,
    visit: &Visit,
    browser: &Browser,
    user: User,
) -> Result<Response, SignInError> {
    let is_consented = state.app.has_consent(&visit.application, &user.id).await?;
    if is_consented && visit.prompt != "consent" {
        return send_code(state, visit, &visit.application, &user).await;
    }
    if visit.prompt == "none" {
        let description = "AADSTS65001: The user has not consented to use the application.";
        return Ok(visit.answer.refuse("consent_required", description));
    }
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let question = Question {
        mark: &mark,
        application: &visit.application,
        user: &user,
        is_administrator: state.app.may_consent_for_all(&user).await?,
        code: None,
    };
    Ok(visit.page(page::consent(browser.texts, &question)))
}

async fn send_code(
    state: &ApiState,
    visit: &Visit,
    application: &Application,
    user: &User,
) -> Result<Response, SignInError> {
    let code = state.app.give_code(application, user, visit.request.clone()).await?;
    Ok(visit.answer.back(&[("code", &code)]))
}

async fn ask_who(
    state: &ApiState,
    visit: &Visit,
    browser: &Browser,
) -> Result<Response, SignInError> {
    let page = sign_in_page(state, browser, &visit.login_hint, None, None).await?;
    Ok(visit.page(page))
}

/// The browser forgets who was signed in in it.
pub async fn sign_out(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    mut browser: Browser,
) -> Response {
    let texts = browser.texts;
    if let Err(error) = check_tenant(&state, &tenant) {
        return failed(texts, error);
    }
    if let Err(error) = state.app.sign_out_browser(&browser.cookie).await {
        return failed(texts, error.into());
    }
    browser.sign_out();
    let page = Page::message(texts, StatusCode::OK, texts.signed_out_title, texts.signed_out);
    browser.answer(Ok(page))
}
