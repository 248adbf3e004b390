//! Answers: bodies, their limit and compression, debug output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Reply, Server, answer, client, client_with, get, names, post, with_header};
use crate::http::{Authentication, HttpFailure, HttpLimits, PfxFile, Secret};

const GZIP_HELLO: &str = "H4sIAAAAAAACA8tIzcnJV8hAIgHttTEEEgAAAA==";
const DEFLATE_HELLO: &str = "eJzLSM3JyVfIQCIBQMsGnQ==";
/// 50,000 zero bytes.
const GZIP_ZEROS: &str = "H4sIAAAAAAACA+3BAQ0AAADCoPdPbQ8HFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE8GJbO3FlDDAAA=";

#[tokio::test]
async fn any_status_is_an_answer() {
    let server = Server::start(|seen| {
        let status = seen.target.trim_start_matches('/').parse().unwrap();
        answer(status, &[("X-Who", "me")], "text")
    })
    .await;
    for status in [200, 201, 302, 400, 404, 429, 500, 503, 599] {
        let answer = client().send(get(server.url(&format!("/{status}")))).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (status, &b"text"[..]));
        assert!(answer.headers.contains(&("x-who".to_owned(), "me".to_owned())));
    }
}

#[tokio::test]
async fn the_request_is_sent_as_called() {
    let server = Server::start(|_| answer(204, &[], "")).await;
    let mut call = post(server.url("/a%20b/c?x=1&y=%2F#part"), "größe");
    call.method = " put ".to_owned();
    let answer = client().send(call).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/a%20b/c?x=1&y=%2F"));
    assert_eq!(seen.body, "größe");
}

#[tokio::test]
async fn a_user_in_the_uri_is_not_sent() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let uri = format!("http://user:pass@{}/", server.address);
    client().send(get(uri)).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn basic_and_raw_authentication() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let table = [
        (
            Authentication::Basic {
                username: "Aladdin".to_owned(), password: Secret::new("öpen")
            },
            "Basic QWxhZGRpbjrDtnBlbg==",
        ),
        (Authentication::Raw { value: Secret::new("Token abc") }, "Token abc"),
    ];
    for (authentication, expected) in table {
        let mut call = with_header(get(server.url("/")), "Authorization", "Own");
        call.authentication = authentication;
        client().send(call).await.unwrap();
        let seen = server.seen().pop().unwrap();
        let sent: Vec<_> =
            seen.headers.iter().filter(|(name, _)| name == "authorization").collect();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].1, expected);
    }
    let mut call = get(server.url("/"));
    call.authentication = Authentication::Raw { value: Secret::new("secret\r\nX: 1") };
    match client().send(call).await {
        Err(HttpFailure::Invalid(text)) => assert!(!text.contains("secret")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn compressed_answers_are_opened() {
    for (encoding, body) in [("gzip", GZIP_HELLO), ("deflate", DEFLATE_HELLO)] {
        let body = STANDARD.decode(body).unwrap();
        let server =
            Server::start(move |_| answer(200, &[("Content-Encoding", encoding)], &body)).await;
        let answer = client().send(get(server.url("/"))).await.unwrap();
        assert_eq!(answer.body, "hello hello hello ", "{encoding}");
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"content-encoding") && !names.contains(&"content-length"));
        let accepted = server.seen()[0].header("accept-encoding").unwrap().to_owned();
        assert!(accepted.contains(encoding), "{accepted}");
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_to_open_or_measure() {
    let server = Server::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\
                    Content-Length: 999999999999\r\n\r\n";
        Reply::Bytes(head.as_bytes().to_vec())
    })
    .await;
    let mut call = get(server.url("/"));
    call.method = "HEAD".to_owned();
    let answer = client().send(call).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let limits = HttpLimits { response_bytes_max: 1_000, ..HttpLimits::default() };
    let client = client_with(limits, names());
    let server = Server::start(|seen| match seen.target.as_str() {
        "/fits" => answer(200, &[], "x".repeat(1_000)),
        "/announced" => answer(200, &[], "x".repeat(1_001)),
        "/unannounced" => {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            Reply::Bytes(format!("{head}{}", "x".repeat(100_000)).into_bytes())
        }
        "/chunked" => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
            Reply::Bytes(format!("{head}{chunk}{chunk}{chunk}0\r\n\r\n").into_bytes())
        }
        _ => {
            let body = STANDARD.decode(GZIP_ZEROS).unwrap();
            answer(200, &[("Content-Encoding", "gzip")], body)
        }
    })
    .await;
    assert_eq!(client.send(get(server.url("/fits"))).await.unwrap().body.len(), 1_000);
    for path in ["/announced", "/unannounced", "/chunked", "/bomb"] {
        let failure = client.send(get(server.url(path))).await.unwrap_err();
        assert_eq!(failure, HttpFailure::TooLarge { bytes_max: 1_000 }, "{path}");
    }
}

#[tokio::test]
async fn debug_output_shows_no_secret() {
    let mut call = post("https://example.org/x?sig=secret-1#secret-2", "secret-3");
    call = with_header(call, "Authorization", "secret-4");
    for authentication in [
        Authentication::Basic { username: "me".to_owned(), password: Secret::new("secret-5") },
        Authentication::Raw { value: Secret::new("secret-6") },
        Authentication::ClientCertificate(PfxFile {
            content: Secret::new("secret-7"),
            password: Secret::new("secret-8"),
        }),
    ] {
        call.authentication = authentication;
        let text = format!("{call:?} {call:#?}");
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("https://example.org/x") && text.contains("Authorization"));
    }
}

#[tokio::test]
async fn a_client_can_be_made_with_the_systems_resolver() {
    let policy = std::sync::Arc::new(crate::http::EgressPolicy::default());
    let client = crate::http::HttpClient::new(policy, HttpLimits::default()).unwrap();
    let server = Server::start(|_| answer(200, &[], "")).await;
    let uri = server.url_of("localhost", "/");
    let failure = client.send(get(uri)).await.unwrap_err();
    assert!(
        matches!(&failure, HttpFailure::Denied(text) if text.contains("loopback")),
        "{failure:?}"
    );
    assert!(server.seen().is_empty());
}
