//! Failures: each variant must be true, since retries are decided by it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::{
    LOOPBACK, Lookup, Reply, Server, Table, answer, client, client_with, get, names, post,
    redirect_to,
};
use crate::http::{HttpFailure, HttpLimits};

/// Says nothing for ever.
struct SilentLookup;

impl Lookup for SilentLookup {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

/// An address of this machine at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[tokio::test]
async fn what_cannot_be_sent_is_invalid() {
    for (method, uri) in [
        ("GET", ""),
        ("GET", "/relative"),
        ("GET", "http://"),
        ("GET", "http://a b/"),
        ("GET", "http://127.0.0.1:99999/"),
        ("GET", "http://256.0.0.1/"),
        ("GE T", "http://127.0.0.1/"),
        ("", "http://127.0.0.1/"),
        ("CONNECT", "http://127.0.0.1/"),
        ("connect", "http://127.0.0.1/"),
    ] {
        let mut call = get(uri);
        call.method = method.to_owned();
        let result = client().send(call).await;
        assert!(matches!(result, Err(HttpFailure::Invalid(_))), "{method} {uri}: {result:?}");
    }
    let long = format!("http://127.0.0.1/{}", "x".repeat(20_000));
    assert!(matches!(client().send(get(long)).await, Err(HttpFailure::Invalid(_))));
}

#[tokio::test]
async fn denied_calls_are_not_sent() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let port = server.address.port();
    let table = Table::default()
        .with("private.test", &[&["10.0.0.1".parse().unwrap()]])
        .with("six.test", &[&["::1".parse().unwrap(), "::ffff:127.0.0.2".parse().unwrap()]]);
    let client = client_with(HttpLimits::default(), table);
    for uri in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://private.test:{port}/"),
        format!("http://six.test:{port}/"),
        "ftp://127.0.0.1/".to_owned(),
        "mailto:someone@example.org".to_owned(),
    ] {
        let result = client.send(get(&uri)).await;
        assert!(matches!(result, Err(HttpFailure::Denied(_))), "{uri}: {result:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let other: IpAddr = "127.0.0.2".parse().unwrap();
    let table = Table::default()
        .with("rebind.test", &[&[LOOPBACK], &[other]])
        .with("mixed.test", &[&[other, LOOPBACK]]);
    let client = client_with(HttpLimits::default(), table);
    let uri = server.url_of("rebind.test", "/");
    assert!(client.send(get(&uri)).await.is_ok());
    assert!(matches!(client.send(get(&uri)).await, Err(HttpFailure::Denied(_))));
    assert_eq!(server.seen().len(), 1);
    // Of a name with good and bad addresses only the good are tried.
    assert!(client.send(get(server.url_of("mixed.test", "/"))).await.is_ok());
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let result = client().send(post(nobody().await, "x")).await;
    assert!(matches!(result, Err(HttpFailure::Unreachable(_))), "{result:?}");
}

#[tokio::test]
async fn an_unknown_name_is_unreachable_and_its_uri_not_shown() {
    match client().send(get("http://unknown.test/x?sig=secret")).await {
        Err(HttpFailure::Unreachable(text)) => {
            assert!(text.contains("no such name") && !text.contains("secret"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let client = client_with(HttpLimits::default(), Table::default().with("empty.test", &[&[]]));
    let result = client.send(get("http://empty.test/")).await;
    assert!(matches!(result, Err(HttpFailure::Unreachable(_))), "{result:?}");
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_unreachable() {
    let limits = HttpLimits { connect_timeout: Duration::from_millis(20), ..HttpLimits::default() };
    let client = client_with(limits, SilentLookup);
    let result = client.send(get("http://one.test/")).await;
    assert!(matches!(result, Err(HttpFailure::Unreachable(_))), "{result:?}");
}

#[tokio::test]
async fn a_target_that_does_not_speak_tls_is_unreachable() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let uri = format!("https://{}/", listener.local_addr().unwrap());
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 plain\r\n\r\n").await.unwrap();
    });
    let result = client().send(get(uri)).await;
    assert!(matches!(result, Err(HttpFailure::Unreachable(_))), "{result:?}");
    plain.await.unwrap();
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let server = Server::start(|_| Reply::Hang).await;
    let mut call = get(server.url("/"));
    call.timeout = Duration::from_millis(50);
    assert_eq!(client().send(call).await, Err(HttpFailure::Timeout));
}

#[tokio::test]
async fn the_timeout_is_for_all_hops_together() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/" => redirect_to(302, "/hang"),
        _ => Reply::Hang,
    })
    .await;
    let mut call = get(server.url("/"));
    call.timeout = Duration::from_millis(50);
    assert_eq!(client().send(call).await, Err(HttpFailure::Timeout));
    let mut call = get(server.url("/hang"));
    call.timeout = Duration::ZERO;
    assert_eq!(client().send(call).await, Err(HttpFailure::Timeout));
}

#[tokio::test]
async fn a_broken_connection_is_an_interruption() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/close" => Reply::Close,
        "/garbage" => Reply::Bytes(b"no http at all\r\n\r\n".to_vec()),
        "/short" => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc".to_vec()),
        _ => answer(200, &[("Content-Encoding", "gzip")], "not gzip"),
    })
    .await;
    for path in ["/close", "/garbage", "/short", "/gzip"] {
        let result = client().send(post(server.url(path), "x")).await;
        assert!(matches!(result, Err(HttpFailure::Interrupted(_))), "{path}: {result:?}");
    }
}

#[tokio::test]
async fn after_a_redirect_unreachable_is_no_longer_true() {
    let target = nobody().await;
    let server = Server::start(move |_| redirect_to(303, &target)).await;
    let result = client_with(HttpLimits::default(), names()).send(post(server.url("/"), "x")).await;
    assert!(matches!(result, Err(HttpFailure::Interrupted(_))), "{result:?}");
    assert_eq!(server.seen().len(), 1);
}
