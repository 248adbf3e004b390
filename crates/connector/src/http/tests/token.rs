//! Access tokens: how they are asked for, kept and replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Reply, Server, answer, client, get, redirect_to};
use crate::http::{Authentication, ClientCredential, HttpCall, HttpFailure, OAuthClient, Secret};

fn oauth(issuer: &Server) -> OAuthClient {
    OAuthClient {
        tenant: "contoso example".to_owned(),
        audience: "https://graph.example/".to_owned(),
        client_id: "the-client".to_owned(),
        credential: ClientCredential::Secret(Secret::new("s&cret=")),
        authority: issuer.url("/"),
    }
}

fn call(target: &Server, client: OAuthClient) -> HttpCall {
    HttpCall {
        authentication: Authentication::ActiveDirectoryOAuth(client),
        ..get(target.url("/"))
    }
}

/// Grants `token-1`, `token-2` and so on, each for some seconds.
async fn issuer(expires_in: &'static str) -> Server {
    let count = AtomicU32::new(0);
    Server::start(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        answer(
            200,
            &[("Content-Type", "application/json")],
            format!(r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"token-{number}"}}"#),
        )
    })
    .await
}

async fn target() -> Server {
    Server::start(|_| answer(200, &[], "")).await
}

fn tokens_at(target: &Server) -> Vec<String> {
    target.seen().iter().map(|it| it.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_again() {
    for expires_in in ["3599", "\"3599\"", "60"] {
        let (issuer, target, client) = (issuer(expires_in).await, target().await, client());
        for _ in 0..3 {
            client.send(call(&target, oauth(&issuer))).await.unwrap();
        }
        assert_eq!(tokens_at(&target), ["Bearer token-1"; 3]);
        let asked = issuer.seen();
        assert_eq!(asked.len(), 1);
        assert_eq!(
            (asked[0].method.as_str(), asked[0].target.as_str()),
            ("POST", "/contoso%20example/oauth2/token")
        );
        assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(
            asked[0].body,
            "grant_type=client_credentials&resource=https%3A%2F%2Fgraph.example%2F\
             &client_id=the-client&client_secret=s%26cret%3D"
        );
    }
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_request() {
    let (issuer, target, client) = (issuer("3599").await, target().await, client());
    let calls = (0..8).map(|_| client.send(call(&target, oauth(&issuer))));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(issuer.seen().len(), 1);
    assert_eq!(target.seen().len(), 8);
}

#[tokio::test]
async fn a_token_without_life_is_used_once() {
    for expires_in in ["0", "null", "\"soon\"", "-5"] {
        let (issuer, target, client) = (issuer(expires_in).await, target().await, client());
        for _ in 0..2 {
            client.send(call(&target, oauth(&issuer))).await.unwrap();
        }
        assert_eq!(tokens_at(&target), ["Bearer token-1", "Bearer token-2"], "{expires_in}");
    }
}

#[tokio::test]
async fn an_endless_life_does_no_harm() {
    let (issuer, target, client) = (issuer("18446744073709551615").await, target().await, client());
    client.send(call(&target, oauth(&issuer))).await.unwrap();
    assert_eq!(tokens_at(&target), ["Bearer token-1"]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_for_the_next_call() {
    let issuer = issuer("3599").await;
    let target = Server::start(|seen| match seen.header("authorization") {
        Some("Bearer token-1") => answer(401, &[], ""),
        _ => answer(200, &[], ""),
    })
    .await;
    let client = client();
    assert_eq!(client.send(call(&target, oauth(&issuer))).await.unwrap().status, 401);
    assert_eq!(client.send(call(&target, oauth(&issuer))).await.unwrap().status, 200);
    assert_eq!(client.send(call(&target, oauth(&issuer))).await.unwrap().status, 200);
    assert_eq!(issuer.seen().len(), 2);
}

#[tokio::test]
async fn a_token_belongs_to_client_audience_and_secret() {
    let (issuer, target, client) = (issuer("3599").await, target().await, client());
    let one = oauth(&issuer);
    let variants = [
        one.clone(),
        OAuthClient { credential: ClientCredential::Secret(Secret::new("other")), ..one.clone() },
        OAuthClient { audience: "other".to_owned(), ..one.clone() },
        OAuthClient { tenant: "other".to_owned(), ..one.clone() },
        OAuthClient { client_id: "other".to_owned(), ..one },
    ];
    for variant in variants {
        client.send(call(&target, variant)).await.unwrap();
    }
    assert_eq!(issuer.seen().len(), 5);
}

#[tokio::test]
async fn a_refusal_says_why_hides_the_secret_and_is_not_kept() {
    let count = Arc::new(AtomicU32::new(0));
    let issuer = Server::start(move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            let body =
                r#"{"error":"invalid_client","error_description":"bad secret s&cret= given"}"#;
            return answer(401, &[], body);
        }
        answer(200, &[], r#"{"access_token":"t","expires_in":3599}"#)
    })
    .await;
    let (target, client) = (target().await, client());
    match client.send(call(&target, oauth(&issuer))).await {
        Err(HttpFailure::Invalid(text)) => assert_eq!(
            text,
            "the token endpoint gave no token (status 401): invalid_client: bad secret *** given"
        ),
        other => panic!("{other:?}"),
    }
    assert!(target.seen().is_empty());
    assert!(client.send(call(&target, oauth(&issuer))).await.is_ok());
}

#[tokio::test]
async fn no_token_means_nothing_was_sent() {
    let target = target().await;
    let issuer = Server::start(|seen| match seen.target.split('/').nth(1).unwrap() {
        "busy" => answer(503, &[], ""),
        "limited" => answer(429, &[], ""),
        "close" => Reply::Close,
        "hang" => Reply::Hang,
        "redirect" => redirect_to(307, "/elsewhere"),
        "large" => answer(200, &[], "x".repeat(70_000)),
        "page" => answer(200, &[], "<html>"),
        "empty" => answer(200, &[], r#"{"access_token":"","expires_in":3599}"#),
        _ => answer(200, &[], r#"{"access_token":"a\nb","expires_in":3599}"#),
    })
    .await;
    for tenant in
        ["busy", "limited", "close", "hang", "redirect", "large", "page", "empty", "broken"]
    {
        let mut call = call(&target, OAuthClient { tenant: tenant.to_owned(), ..oauth(&issuer) });
        if tenant == "hang" {
            call.timeout = Duration::from_millis(50);
        }
        let result = client().send(call).await;
        let as_expected = match tenant {
            "busy" | "limited" | "close" | "hang" => {
                matches!(result, Err(HttpFailure::Unreachable(_)))
            }
            _ => matches!(result, Err(HttpFailure::Invalid(_))),
        };
        assert!(as_expected, "{tenant}: {result:?}");
    }
    assert!(target.seen().is_empty());
    assert!(issuer.seen().iter().all(|it| it.target != "/elsewhere"));
}

#[tokio::test]
async fn the_token_endpoint_is_guarded_too() {
    let target = target().await;
    for authority in
        ["http://169.254.169.254", "http://[::1]/", "http://10.0.0.1", "ftp://one.test/"]
    {
        let mut client_of = oauth(&target);
        client_of.authority = authority.to_owned();
        let result = client().send(call(&target, client_of)).await;
        assert!(matches!(result, Err(HttpFailure::Denied(_))), "{authority}: {result:?}");
    }
    for authority in ["", "login.example", "mailto:x"] {
        let mut client_of = oauth(&target);
        client_of.authority = authority.to_owned();
        let result = client().send(call(&target, client_of)).await;
        assert!(matches!(result, Err(HttpFailure::Invalid(_))), "{authority}: {result:?}");
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_denied_call_costs_no_token() {
    let issuer = issuer("3599").await;
    let mut call = call(&issuer, oauth(&issuer));
    call.uri = "http://169.254.169.254/".to_owned();
    assert!(matches!(client().send(call).await, Err(HttpFailure::Denied(_))));
    assert!(issuer.seen().is_empty());
}

#[tokio::test]
async fn debug_output_shows_no_secret() {
    let issuer = issuer("3599").await;
    let text = format!("{:?}", call(&issuer, oauth(&issuer)));
    assert!(!text.contains("s&cret") && text.contains("the-client"), "{text}");
}
