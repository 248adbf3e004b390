//! Which headers an Http action sends, and what arrives.

use super::{Server, answer, client, get, post, with_header};
use crate::http::HttpFailure;
use crate::http::headers::sendable;

#[test]
fn the_list_of_dropped_headers() {
    for name in
        ["Accept", "Accept-Version", "Authorization", "User-Agent", "X-Custom", "If-Match", "Date"]
    {
        assert!(sendable(name, false) && sendable(name, true), "{name}");
    }
    for name in ["Content-Type", "content-disposition", "CONTENT-ENCODING"] {
        assert!(sendable(name, true) && !sendable(name, false), "{name}");
    }
    for name in [
        "Accept-Encoding",
        "accept-language",
        "Accept-Charset",
        "Allow",
        "Content-Length",
        "Content-MD5",
        "Content-Language",
        "Expires",
        "Host",
        " host ",
        "Last-Modified",
        "Origin",
        "Set-Cookie",
        "Cookie",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
    ] {
        assert!(!sendable(name, true) && !sendable(name, false), "{name}");
    }
}

#[tokio::test]
async fn headers_arrive_but_the_transport_keeps_its_own() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let mut call = post(server.url("/"), "abc");
    for (name, value) in [
        ("X-One", " 1 "),
        ("X-Two", "2"),
        ("x-two", "3"),
        ("Cookie", "a=b"),
        ("Authorization", "Own"),
        ("Host", "elsewhere.example"),
        ("Content-Length", "99"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("X-Umlaut", "ü"),
    ] {
        call = with_header(call, name, value);
    }
    client().send(call).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.body, "abc");
    assert_eq!(seen.header("x-one"), Some("1"));
    let both: Vec<&str> =
        seen.headers.iter().filter(|(n, _)| n == "x-two").map(|(_, v)| v.as_str()).collect();
    assert_eq!(both, ["2", "3"]);
    assert_eq!(seen.header("cookie"), Some("a=b"));
    assert_eq!(seen.header("authorization"), Some("Own"));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(seen.header("content-length"), Some("3"));
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!(seen.header("connection"), None);
    assert_eq!(seen.header("x-umlaut"), Some("ü"));
    assert!(seen.header("user-agent").unwrap().starts_with("sluicegate/"));
}

#[tokio::test]
async fn a_post_without_body_has_a_length() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    for method in ["POST", "put", "Patch", "GET", "DELETE"] {
        let mut call = get(server.url("/"));
        call.method = method.to_owned();
        client().send(call).await.unwrap();
    }
    let lengths: Vec<(String, Option<String>)> = server
        .seen()
        .iter()
        .map(|it| (it.method.clone(), it.header("content-length").map(str::to_owned)))
        .collect();
    let zero = || Some("0".to_owned());
    assert_eq!(
        lengths,
        [
            ("POST".to_owned(), zero()),
            ("PUT".to_owned(), zero()),
            ("PATCH".to_owned(), zero()),
            ("GET".to_owned(), None),
            ("DELETE".to_owned(), None),
        ]
    );
}

#[tokio::test]
async fn malformed_headers_are_invalid_and_their_values_not_shown() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    for (name, value) in
        [("X-A", "secret\r\nX-B: 1"), ("X-A", "secret\0"), ("X A", "secret"), ("", "secret")]
    {
        let call = with_header(get(server.url("/")), name, value);
        match client().send(call).await {
            Err(HttpFailure::Invalid(text)) => assert!(!text.contains("secret"), "{text}"),
            other => panic!("{name:?}: {other:?}"),
        }
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn answer_headers_keep_repetitions_and_any_byte() {
    let server = Server::start(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: a=1\r\n".to_vec();
        bytes.extend(b"Set-Cookie: b=2\r\nX-Latin: caf\xe9\r\nX-Utf: caf\xc3\xa9\r\n\r\nbody");
        super::Reply::Bytes(bytes)
    })
    .await;
    let answer = client().send(get(server.url("/"))).await.unwrap();
    let of = |name: &str| -> Vec<&str> {
        answer.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    };
    assert_eq!(of("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(of("x-latin"), ["café"]);
    assert_eq!(of("x-utf"), ["café"]);
    assert_eq!(answer.body, "body");
}
