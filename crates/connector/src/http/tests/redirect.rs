//! Redirects: rules, credentials, and the guard at every hop.

use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::{Server, answer, client, client_with, get, names, post, redirect_to, with_header};
use crate::http::redirect::next;
use crate::http::{Authentication, HttpFailure, HttpLimits, Redirects, Secret};

#[test]
fn methods_change_by_the_rules() {
    let current = Url::parse("https://a.test/x/y").unwrap();
    let location = HeaderValue::from_static("../z?q");
    let table = [
        (301, "POST", Some("GET")),
        (302, "POST", Some("GET")),
        (303, "POST", Some("GET")),
        (307, "POST", Some("POST")),
        (308, "POST", Some("POST")),
        (301, "PUT", Some("PUT")),
        (302, "DELETE", Some("DELETE")),
        (303, "PUT", Some("GET")),
        (303, "HEAD", Some("HEAD")),
        (302, "HEAD", Some("HEAD")),
        (303, "GET", Some("GET")),
        (300, "GET", None),
        (304, "GET", None),
        (201, "POST", None),
    ];
    for (status, method, expected) in table {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let found = next(status, Some(&location), &current, &method);
        assert_eq!(found.as_ref().map(|it| it.method.as_str()), expected, "{status} {method}");
        if let Some(found) = found {
            assert_eq!(found.url.as_str(), "https://a.test/z?q");
            assert_eq!(found.keeps_body, found.method == method);
        }
    }
}

#[test]
fn what_cannot_be_followed_is_final() {
    let current = Url::parse("https://a.test/").unwrap();
    let follow = |location: Option<&[u8]>| {
        let location = location.map(|it| HeaderValue::from_bytes(it).unwrap());
        next(StatusCode::FOUND, location.as_ref(), &current, &Method::GET)
    };
    assert_eq!(follow(None), None);
    assert_eq!(follow(Some(b"https://")), None);
    assert_eq!(follow(Some(b"/\xff")), None);
    assert_eq!(follow(Some(b"http://a.test/")), None, "from https to http");
    assert!(follow(Some(b"")).is_some());
    assert_eq!(follow(Some("/ü".as_bytes())).unwrap().url.as_str(), "https://a.test/%C3%BC");
    assert_eq!(follow(Some(b"//b.test/x")).unwrap().url.as_str(), "https://b.test/x");
}

#[tokio::test]
async fn a_post_becomes_a_get_without_its_body() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/start" => redirect_to(302, "/end?x=1"),
        _ => answer(200, &[], "done"),
    })
    .await;
    let call = with_header(post(server.url("/start"), "abc"), "X-Mine", "1");
    let answer = client().send(call).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"done"[..]));
    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].body.as_str()), ("POST", "abc"));
    assert_eq!((seen[1].method.as_str(), seen[1].target.as_str()), ("GET", "/end?x=1"));
    assert_eq!(seen[1].body, "");
    assert_eq!((seen[1].header("content-type"), seen[1].header("content-length")), (None, None));
    assert_eq!(seen[1].header("x-mine"), Some("1"));
}

#[tokio::test]
async fn a_307_repeats_method_and_body() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/start" => redirect_to(307, "/end"),
        _ => answer(200, &[], ""),
    })
    .await;
    client().send(post(server.url("/start"), "abc")).await.unwrap();
    let seen = server.seen().remove(1);
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "abc"));
    assert_eq!(seen.header("content-type"), Some("text/plain"));
}

#[tokio::test]
async fn credentials_stay_with_their_origin_and_do_not_come_back() {
    let server = Server::start(|seen| {
        let port = seen.header("host").unwrap().rsplit(':').next().unwrap().to_owned();
        match seen.target.as_str() {
            "/1" => redirect_to(302, "/2"),
            "/2" => redirect_to(302, &format!("http://two.test:{port}/3")),
            "/3" => redirect_to(302, &format!("http://one.test:{port}/4")),
            _ => answer(200, &[], ""),
        }
    })
    .await;
    let mut call = with_header(get(server.url_of("one.test", "/1")), "Cookie", "a=b");
    call.authentication = Authentication::Raw { value: Secret::new("Key 1") };
    client().send(call).await.unwrap();
    let sent: Vec<(String, bool, bool)> = server
        .seen()
        .iter()
        .map(|it| {
            (it.target.clone(), it.header("authorization").is_some(), it.header("cookie").is_some())
        })
        .collect();
    let expected = [("/1", true), ("/2", true), ("/3", false), ("/4", false)];
    assert_eq!(sent, expected.map(|(path, with)| (path.to_owned(), with, with)));
}

#[tokio::test]
async fn a_redirect_to_a_denied_address_is_denied() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433:1/../",
        "//127.0.0.2/",
        "http://hidden.test/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        let server = Server::start(move |_| redirect_to(302, location)).await;
        let table = names().with("hidden.test", &[&["10.0.0.1".parse().unwrap()]]);
        let client = client_with(HttpLimits::default(), table);
        let result = client.send(get(server.url("/"))).await;
        if location.contains("2130706433") {
            // It is 127.0.0.1, which these tests allow; nobody listens at port 1.
            assert!(matches!(result, Err(HttpFailure::Interrupted(_))), "{location}: {result:?}");
        } else {
            assert!(matches!(result, Err(HttpFailure::Denied(_))), "{location}: {result:?}");
        }
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn chains_end_at_the_limit_with_the_redirect_as_the_answer() {
    let server = Server::start(|_| redirect_to(302, "/again")).await;
    let limits = HttpLimits { redirects_max: 3, ..HttpLimits::default() };
    let answer = client_with(limits, names()).send(get(server.url("/"))).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn redirects_are_followed_only_when_wanted() {
    let server = Server::start(|_| redirect_to(302, "/end")).await;
    let mut call = get(server.url("/"));
    call.redirects = Redirects::Stay;
    let answer = client().send(call).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.headers.contains(&("location".to_owned(), "/end".to_owned())));
    assert_eq!(server.seen().len(), 1);
}
