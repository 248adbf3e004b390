//! Contents in parts: what is joined, what is not taken for whole, and where parts go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::{Reply, Seen, Server, answer, client, client_with, get, names, post, with_header};
use crate::http::{Authentication, HttpCall, HttpFailure, HttpLimits, Redirects, Secret, Transfer};

const CONTENT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

fn in_parts(call: HttpCall) -> HttpCall {
    HttpCall { transfer: Transfer::InParts, ..call }
}

/// The bytes that a request asks for.
fn asked(seen: &Seen) -> Option<(usize, usize)> {
    let (start, end) = seen.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?))
}

/// A part of the content, of ten bytes unless it is asked for another.
fn part(seen: &Seen) -> Reply {
    let (start, end) = asked(seen).unwrap_or((0, 9));
    let end = end.min(CONTENT.len() - 1);
    let range = format!("bytes {start}-{end}/{}", CONTENT.len());
    let headers =
        [("Content-Range", range.as_str()), ("ETag", "\"1\""), ("Content-Type", "text/plain")];
    answer(206, &headers, &CONTENT[start..=end])
}

#[tokio::test]
async fn a_download_is_joined_from_its_ranges() {
    let server = Server::start(part).await;
    let call = in_parts(with_header(get(server.url("/x")), "Idempotency-Key", "k"));
    let got = client().send(call).await.unwrap();
    assert_eq!((got.status, &got.body[..]), (200, CONTENT.as_bytes()));
    assert!(!got.headers.iter().any(|(name, _)| name == "content-range"), "{:?}", got.headers);
    let ranges: Vec<_> = server.seen().iter().map(asked).collect();
    assert_eq!(ranges, [None, Some((10, 19)), Some((20, 29)), Some((30, 35))]);
    let keys: Vec<bool> =
        server.seen().iter().map(|it| it.header("idempotency-key").is_some()).collect();
    assert_eq!(keys, [true, false, false, false], "parts are no repetitions of each other");
    // one that the flow begins, and one that is not asked for in parts
    let call = in_parts(with_header(get(server.url("/x")), "Range", "bytes=30-32"));
    assert_eq!(client().send(call).await.unwrap().body, "uvwxyz");
    let whole = client().send(get(server.url("/x"))).await.unwrap();
    assert_eq!((whole.status, &whole.body[..]), (206, &b"0123456789"[..]));
}

#[tokio::test]
async fn what_is_no_part_of_the_whole_is_not_taken_for_one() {
    type Change = fn(&Seen) -> Reply;
    let cases: [(&str, Change); 8] = [
        ("another content", |_| {
            answer(206, &[("Content-Range", "bytes 10-19/36"), ("ETag", "\"2\"")], "abcdefghij")
        }),
        ("another place", |_| {
            answer(206, &[("Content-Range", "bytes 11-20/36"), ("ETag", "\"1\"")], "abcdefghij")
        }),
        ("another size", |_| {
            answer(206, &[("Content-Range", "bytes 10-19/37"), ("ETag", "\"1\"")], "abcdefghij")
        }),
        ("the whole", |_| answer(200, &[("ETag", "\"1\"")], CONTENT)),
        ("too little", |_| {
            answer(206, &[("Content-Range", "bytes 10-19/36"), ("ETag", "\"1\"")], "abc")
        }),
        ("no range", |_| answer(206, &[("ETag", "\"1\"")], "abcdefghij")),
        ("backwards", |_| {
            answer(206, &[("Content-Range", "bytes 19-10/36"), ("ETag", "\"1\"")], "abcdefghij")
        }),
        ("beyond", |_| {
            answer(
                206,
                &[("Content-Range", "bytes 10-18446744073709551615/36"), ("ETag", "\"1\"")],
                "a",
            )
        }),
    ];
    for (name, change) in cases {
        let server = Server::start(
            move |seen| if asked(seen).is_some() { change(seen) } else { part(seen) },
        )
        .await;
        let failed = client().send(in_parts(get(server.url("/x")))).await.unwrap_err();
        let is_told = matches!(failed, HttpFailure::Interrupted(_) | HttpFailure::Parts(_));
        assert!(is_told, "{name}: {failed:?}");
        assert_eq!(server.seen().len(), 2, "{name}");
    }
    // what the other side refuses is its answer
    let server =
        Server::start(|it| if asked(it).is_some() { answer(429, &[], "") } else { part(it) }).await;
    assert_eq!(client().send(in_parts(get(server.url("/x")))).await.unwrap().status, 429);
    let server = Server::start(part).await;
    let limits = HttpLimits { response_bytes_max: 35, ..HttpLimits::default() };
    let failed = client_with(limits, names()).send(in_parts(get(server.url("/x")))).await;
    assert_eq!(failed, Err(HttpFailure::TooLarge { bytes_max: 35 }));
    assert_eq!(server.seen().len(), 1);
}

/// Takes parts at `/part`, and answers each with what it has.
fn taking(location: String, size: &'static str) -> (Arc<Mutex<String>>, impl Fn(&Seen) -> Reply) {
    let content: Arc<Mutex<String>> = Arc::default();
    let kept = Arc::clone(&content);
    let reply = move |seen: &Seen| {
        if seen.method != "PATCH" {
            return answer(200, &[("Location", &location), ("x-ms-chunk-size", size)], "");
        }
        let mut kept = kept.lock().unwrap();
        kept.push_str(&seen.body);
        let range = format!("bytes=0-{}", kept.len() - 1);
        answer(200, &[("Range", &range)], "taken")
    };
    (content, reply)
}

#[tokio::test]
async fn an_upload_is_announced_and_sent_part_by_part() {
    let (content, reply) = taking("/part?id=7".to_owned(), "15");
    let server = Server::start(reply).await;
    let mut call = with_header(post(server.url("/file"), CONTENT), "X-Key", "secret");
    call.headers.push(("Idempotency-Key".to_owned(), "k".to_owned()));
    call.authentication = Authentication::Raw { value: Secret::new("token") };
    let told = client().send(in_parts(call)).await.unwrap();
    assert_eq!((told.status, &told.body[..]), (200, &b"taken"[..]));
    assert_eq!(*content.lock().unwrap(), CONTENT);
    let seen = server.seen();
    let first = &seen[0];
    assert_eq!(
        (first.method.as_str(), first.target.as_str(), first.body.as_str()),
        ("POST", "/file", "")
    );
    assert_eq!(first.header("x-ms-transfer-mode"), Some("chunked"));
    assert_eq!(first.header("x-ms-content-length"), Some("36"));
    assert_eq!(first.header("content-type"), None);
    assert_eq!(first.header("idempotency-key"), Some("k"));
    let ranges: Vec<_> = seen[1..].iter().filter_map(|it| it.header("content-range")).collect();
    assert_eq!(ranges, ["bytes=0-14/36", "bytes=15-29/36", "bytes=30-35/36"]);
    for part in &seen[1..] {
        assert_eq!(part.target, "/part?id=7");
        assert_eq!(part.header("content-type"), Some("text/plain"));
        assert_eq!(
            (part.header("x-key"), part.header("authorization")),
            (Some("secret"), Some("token"))
        );
        assert_eq!(part.header("idempotency-key"), None);
    }
}

#[tokio::test]
async fn parts_for_another_origin_carry_nothing_of_the_call() {
    let (content, reply) = taking(String::new(), "15");
    let store = Server::start(reply).await;
    let (_, reply) = taking(store.url_of("two.test", "/part"), "20");
    let server = Server::start(reply).await;
    let mut call = with_header(post(server.url("/file"), CONTENT), "X-Key", "secret");
    call.authentication = Authentication::Raw { value: Secret::new("token") };
    client().send(in_parts(call.clone())).await.unwrap();
    assert_eq!(*content.lock().unwrap(), CONTENT);
    for part in store.seen() {
        assert_eq!((part.header("x-key"), part.header("authorization")), (None, None));
    }
    // a rule of the caller is asked first
    let before = store.seen().len();
    let judge = |address: &str| match address.contains("two.test") {
        true => Err("not there".to_owned()),
        false => Ok(()),
    };
    call.redirects = Redirects::Judged(Arc::new(judge));
    let refused = client().send(in_parts(call)).await.unwrap_err();
    assert_eq!(refused, HttpFailure::Refused("not there".to_owned()));
    assert_eq!(store.seen().len(), before);
}

#[tokio::test]
async fn an_upload_that_does_not_go_on_comes_to_an_end() {
    let stuck = |seen: &Seen| match seen.method.as_str() {
        "PATCH" => answer(200, &[("Range", "bytes=0-9")], ""),
        _ => answer(200, &[("Location", "/part"), ("x-ms-chunk-size", "10")], ""),
    };
    let greedy = |seen: &Seen| match seen.method.as_str() {
        "PATCH" => answer(200, &[("Range", "bytes=0-99")], ""),
        _ => answer(200, &[("Location", "/part"), ("x-ms-chunk-size", "10")], ""),
    };
    let silent = |_: &Seen| answer(200, &[], "");
    for (reply, requests) in [
        (stuck as fn(&Seen) -> Reply, 3),
        (greedy as fn(&Seen) -> Reply, 2),
        (silent as fn(&Seen) -> Reply, 1),
    ] {
        let server = Server::start(reply).await;
        let failed = client().send(in_parts(post(server.url("/f"), CONTENT))).await.unwrap_err();
        assert!(matches!(failed, HttpFailure::Parts(_)), "{failed:?}");
        assert_eq!(server.seen().len(), requests);
    }
    // a part that is refused is the answer; nothing follows
    let server = Server::start(|seen| match seen.method.as_str() {
        "PATCH" => answer(507, &[], "full"),
        _ => answer(200, &[("Location", "/part"), ("x-ms-chunk-size", "junk")], ""),
    })
    .await;
    assert_eq!(client().send(in_parts(post(server.url("/f"), CONTENT))).await.unwrap().status, 507);
    assert_eq!(server.seen()[1].header("content-range"), Some("bytes=0-35/36"));
    // parts of a byte each: as many as there may be, and no more
    let (_, reply) = taking("/part".to_owned(), "1");
    let server = Server::start(reply).await;
    let long = "x".repeat(crate::limits::PARTS_MAX + 1);
    let failed = client().send(in_parts(post(server.url("/f"), &long))).await.unwrap_err();
    assert!(matches!(failed, HttpFailure::Parts(_)), "{failed:?}");
    assert_eq!(server.seen().len(), crate::limits::PARTS_MAX + 1);
    let methods: BTreeSet<String> = server.seen().into_iter().map(|it| it.method).collect();
    assert_eq!(methods.len(), 2);
}

#[tokio::test]
async fn a_redirect_is_judged_at_each_hop() {
    let far = Server::start(|_| answer(200, &[], "far")).await;
    let to = far.url_of("two.test", "/z");
    let near = Server::start(move |seen| match seen.target.as_str() {
        "/a" => answer(302, &[("Location", "/b")], ""),
        _ => answer(302, &[("Location", to.as_str())], ""),
    })
    .await;
    for (word, fine) in [("two.test", false), ("/b", false), ("nothing", true)] {
        let judge = move |address: &str| match address.contains(word) {
            true => Err(format!("{address} is not allowed")),
            false => Ok(()),
        };
        let redirects = Redirects::Judged(Arc::new(judge));
        let before = far.seen().len();
        let got = client().send(HttpCall { redirects, ..get(near.url("/a")) }).await;
        match got {
            Ok(answer) => assert!(fine && answer.body == "far"),
            Err(failure) => {
                assert!(!fine && matches!(failure, HttpFailure::Refused(_)), "{failure:?}");
            }
        }
        assert_eq!(far.seen().len() - before, usize::from(fine), "{word}");
    }
}
