//! The console's files, and the session with which its script calls the native API.

use crate::login::browser::Browser;
use crate::login::house::{House, PASSWORD};
use crate::support::TOKEN;
use crate::world::Answer;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use server::limits::BROWSER_SECONDS;

const MARK: (&str, &str) = ("x-sluicegate-console", "1");
const SIGN_IN: &str = "/console/sign-in?to=/console/runs/1";

/// Somebody who is signed in in a browser.
async fn signed_in() -> (House, Browser) {
    let house = House::open().await;
    house.user("ada", vec![]).await;
    let mut browser = Browser::default();
    let page = browser.get(&house, SIGN_IN).await;
    let done = browser.sign_in(&house, SIGN_IN, &page, "ada@example.org").await;
    assert_eq!((done.status, done.header("location")), (303, "/console/runs/1"));
    (house, browser)
}

/// A call of the native API with the browser's cookies and nothing else.
fn me(house: &House, browser: &Browser) -> RequestBuilder {
    house.request(Method::GET, "/api/v1/me").header("cookie", browser.cookie())
}

async fn refused(request: RequestBuilder, status: u16, code: &str) {
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
}

#[tokio::test]
async fn the_cookie_is_of_use_to_the_console_only() {
    let (house, browser) = signed_in().await;
    let own = format!("http://{}", house.address);
    let answer = Answer::of(me(&house, &browser).header(MARK.0, MARK.1)).await;
    assert_eq!(answer.json()["userPrincipalName"], "ada@example.org");
    let answer = me(&house, &browser).header(MARK.0, MARK.1).header("origin", &own);
    let answer = Answer::of(answer.header("sec-fetch-site", "same-origin")).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    refused(me(&house, &browser), 401, "TokenMissing").await;
    refused(me(&house, &browser).header("origin", &own), 401, "TokenMissing").await;
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        let request = me(&house, &browser).header(MARK.0, MARK.1).header(header, value);
        refused(request, 403, "ForeignOrigin").await;
    }
    // one of two is enough to be refused
    let both = me(&house, &browser).header(MARK.0, MARK.1).header("origin", &own);
    refused(both.header("origin", "https://evil.example"), 403, "ForeignOrigin").await;
}

#[tokio::test]
async fn a_token_goes_before_the_cookie_and_other_surfaces_know_no_cookie() {
    let (house, browser) = signed_in().await;
    let wrong = me(&house, &browser).header(MARK.0, MARK.1).bearer_auth("nonsense");
    refused(wrong, 401, "InvalidToken").await;
    for path in
        ["/providers/Microsoft.ProcessSimple/environments?api-version=2016-11-01", "/v1.0/users"]
    {
        let request = house.request(Method::GET, path).header("cookie", browser.cookie());
        let answer = Answer::of(request.header(MARK.0, MARK.1)).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_by_revocation() {
    let (house, mut browser) = signed_in().await;
    let cookie = browser.cookie();
    let old = || me(&house, &browser_of(&cookie)).header(MARK.0, MARK.1);
    let sign_out = |mark: bool| {
        let request = house.request(Method::POST, "/console/sign-out").header("cookie", &cookie);
        if mark { request.header(MARK.0, MARK.1) } else { request }
    };
    refused(sign_out(false), 403, "ForeignOrigin").await;
    refused(sign_out(true).header("origin", "https://evil.example"), 403, "ForeignOrigin").await;
    assert_eq!(Answer::of(old()).await.status, 200);
    let answer = Answer::of(sign_out(true)).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    refused(old(), 401, "SessionEnded").await;

    let page = browser.get(&house, SIGN_IN).await;
    browser.sign_in(&house, SIGN_IN, &page, "ada@example.org").await;
    house.pass(BROWSER_SECONDS - 1);
    assert_eq!(Answer::of(me(&house, &browser).header(MARK.0, MARK.1)).await.status, 200);
    house.pass(2);
    refused(me(&house, &browser).header(MARK.0, MARK.1), 401, "SessionEnded").await;

    let page = browser.get(&house, SIGN_IN).await;
    browser.sign_in(&house, SIGN_IN, &page, "ada@example.org").await;
    house.app.revoke_user(&crate::login::house::root(), "ada@example.org").await.expect("revoked");
    refused(me(&house, &browser).header(MARK.0, MARK.1), 401, "SessionEnded").await;
}

fn browser_of(cookie: &str) -> Browser {
    Browser::with(cookie)
}

#[tokio::test]
async fn somebody_sees_the_session_and_ends_it() {
    let (house, browser) = signed_in().await;
    let sessions = house.request(Method::GET, "/api/v1/me/sessions");
    let sessions = sessions.header("cookie", browser.cookie()).header(MARK.0, MARK.1);
    let sessions = Answer::of(sessions).await.json();
    assert_eq!(sessions["value"][0]["signedInWith"], "browser");
    let id = sessions["value"][0]["id"].as_str().expect("an id");
    let end = house.request(Method::DELETE, &format!("/api/v1/me/sessions/{id}"));
    let end = end.header("cookie", browser.cookie()).header(MARK.0, MARK.1);
    assert_eq!(Answer::of(end).await.status, 204);
    refused(me(&house, &browser).header(MARK.0, MARK.1), 401, "SessionEnded").await;
}

#[tokio::test]
async fn a_wrong_password_and_a_forged_cookie_let_nobody_in() {
    let house = House::open().await;
    house.user("ada", vec![]).await;
    let mut browser = Browser::default();
    let page = browser.get(&house, SIGN_IN).await;
    let wrong = vec![("username", "ada@example.org"), ("password", "not it")];
    let answer = browser.submit(&house, SIGN_IN, &page, &wrong).await;
    assert_eq!(answer.status, 400);
    refused(me(&house, &browser).header(MARK.0, MARK.1), 401, "SessionEnded").await;
    // a form of another browser
    let fields = vec![("username", "ada@example.org"), ("password", PASSWORD)];
    let answer = Browser::default().submit(&house, SIGN_IN, &page, &fields).await;
    assert_eq!(answer.status, 400);
    for cookie in ["sluicegate_signin=", "sluicegate_signin=x.y", "other=1"] {
        refused(me(&house, &browser_of(cookie)).header(MARK.0, MARK.1), 401, "SessionEnded").await;
    }
}

#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let (house, mut browser) = signed_in().await;
    for (to, place) in [
        ("/console/flows%3Fa=1%26b=2", "/console/flows?a=1&b=2"),
        ("//evil.example/console/", "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("/%5Cevil.example/console/", "/console/"),
        ("/console/../account/passkeys", "/console/"),
        ("javascript:alert(1)", "/console/"),
        ("", "/console/"),
    ] {
        let answer = browser.get(&house, &format!("/console/sign-in?to={to}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, place), "{to}");
    }
}

#[tokio::test]
async fn the_page_says_what_it_may_do() {
    let house = House::open().await;
    let get = |path: &'static str| Answer::of(house.request(Method::GET, path));
    let (page, other) = (get("/console/").await, get("/console/runs/1").await);
    assert_eq!((page.status, other.status), (200, 200));
    let policy = page.header("content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.split("; ").any(|it| it == part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_ne!(policy, other.header("content-security-policy"), "the nonce is used twice");
    let nonce = policy.split("'nonce-").nth(1).and_then(|it| it.split('\'').next()).unwrap();
    assert!(nonce.len() >= 22 && page.text.contains(nonce), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(get("/console").await.header("location"), "/console/");
    assert_eq!(get("/").await.status, 404);
    let browsed = house.request(Method::GET, "/").header("accept", "text/html,*/*;q=0.8");
    assert_eq!(Answer::of(browsed).await.header("location"), "/console/");
}

#[tokio::test]
async fn files_are_those_of_the_console_and_no_others() {
    let house = House::open().await;
    let page = Answer::of(house.request(Method::GET, "/console/")).await.text;
    let script = page.split('"').find(|it| it.ends_with(".js")).expect("a script");
    for (takes, encoding) in [("gzip, br", "br"), ("identity", "")] {
        let request = house.request(Method::GET, script).header("accept-encoding", takes);
        let answer = request.send().await.expect("an answer");
        let header = |name: &str| answer.headers().get(name).map_or("", |it| it.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), header("content-encoding")), (200, encoding));
        assert!(header("cache-control").contains("immutable"));
        assert_eq!(header("vary"), "Accept-Encoding");
        assert!(header("content-type").starts_with("text/javascript"));
    }
    for path in ["/console/assets/none.js", "/console/assets/..%2findex.html", "/console/assets/"] {
        let answer = Answer::of(house.request(Method::GET, path)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    for path in
        ["/console/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/console/..%5c..%5cetc", "/console/Cargo.toml"]
    {
        let answer = Answer::of(house.request(Method::GET, path)).await;
        assert!(answer.text.starts_with("<!doctype html>"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_answer_from_the_console_is_kept_as_one() {
    let (house, browser) = signed_in().await;
    let ask = async || {
        let body =
            json!({"approvalType": "Basic", "title": "Buy", "assignedTo": "ada@example.org"});
        let request = house.request(Method::POST, "/api/v1/environments/default/approvals");
        let made = Answer::of(request.bearer_auth(TOKEN).json(&body)).await.json();
        made["id"].as_str().expect("an id").to_owned()
    };
    let answer = |id: &str| {
        let request = house.request(Method::POST, &format!("/api/v1/approvals/{id}/responses"));
        request.json(&json!({"response": "Approve"})).header(MARK.0, MARK.1)
    };
    let by_console = ask().await;
    let done = Answer::of(answer(&by_console).header("cookie", browser.cookie())).await;
    assert_eq!(done.status, 200, "{done:?}");
    // a token goes before the mark of the console
    let by_token = ask().await;
    let key = json!({"name": "ada", "principal": "ada@example.org"});
    let key = house.request(Method::POST, "/api/v1/keys").bearer_auth(TOKEN).json(&key);
    let key = Answer::of(key).await.json();
    let key = key["key"].as_str().expect("a key");
    let done = Answer::of(answer(&by_token).bearer_auth(key)).await;
    assert_eq!(done.status, 200, "{done:?}");
    for (id, via) in [(by_console, "\"via\":\"console\""), (by_token, "\"via\":\"api\"")] {
        let request = house.request(Method::GET, &format!("/api/v1/approvals/{id}/evidence"));
        let evidence = Answer::of(request.bearer_auth(TOKEN)).await.json();
        let entries = evidence["entries"].as_array().expect("entries").iter();
        let what: Vec<&str> = entries.filter_map(|it| it["what"].as_str()).collect();
        assert!(what.iter().any(|it| it.contains(via)), "{what:?}");
    }
}
