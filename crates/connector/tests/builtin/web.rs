//! What goes over HTTP: feeds, webhooks, and a service behind tokens.

use crate::world::{World, items};
use connector::builtin::HttpFailure;
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as the server saw it: its first line, its headers, its body.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    head: String,
    body: String,
}

/// A server that answers with what a function says: a status, a type and a body.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Reply = (u16, &'static str, String);

async fn server(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (notes, reply) = (Arc::clone(&seen), Arc::new(reply));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (notes, reply) = (Arc::clone(&notes), Arc::clone(&reply));
            tokio::spawn(async move {
                let Some(request) = read(&mut stream).await else { return };
                let (status, kind, body) = reply(&request);
                notes.lock().unwrap().push(request);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Server { address, seen }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|it| it.split("\r\n").next());
            if body.len() >= length.map_or(0, |it| it.parse().unwrap()) {
                let line = text.lines().next()?.to_owned();
                return Some(Seen { line, head, body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn feed(items: &[(u32, &str)]) -> String {
    let items = items.iter().map(|(number, date)| {
        format!(
            "<item><guid>g{number}</guid><title>T{number}</title><link>https://x.org/{number}</link>\
             <pubDate>{date}</pubDate></item>"
        )
    });
    format!("<rss version='2.0'><channel>{}</channel></rss>", items.collect::<String>())
}

const FIRST: (u32, &str) = (1, "Thu, 01 Jan 2026 10:00:00 GMT");
const SECOND: (u32, &str) = (2, "Fri, 02 Jan 2026 10:00:00 GMT");
const THIRD: (u32, &str) = (3, "Sat, 03 Jan 2026 10:00:00 GMT");

#[tokio::test]
async fn a_feed_is_listed_and_what_is_new_is_given_once() {
    let now = Arc::new(Mutex::new(feed(&[SECOND, FIRST])));
    let text = Arc::clone(&now);
    let server = server(move |_| (200, "application/rss+xml", text.lock().unwrap().clone())).await;
    let world = World::new(None);
    let ask = json!({ "feedUrl": server.address });
    let (status, all) = world.call("shared_rss", "ListFeedItems", &json!({}), ask.clone()).await;
    assert_eq!((status, all.as_array().unwrap().len()), (200, 2));
    assert_eq!(all[0]["primaryLink"], "https://x.org/2");
    assert_eq!(all[0]["publishDate"], "2026-01-02 10:00:00Z");
    let since = json!({ "feedUrl": server.address, "since": "2026-01-01T12:00:00Z" });
    let (_, later) = world.call("shared_rss", "ListFeedItems", &json!({}), since).await;
    assert_eq!(later.as_array().unwrap().len(), 1);

    let poll = async |state: &Json| {
        world.poll("shared_rss", "OnNewFeed", &json!({}), ask.clone(), state).await
    };
    let first = poll(&Json::Null).await;
    assert_eq!(items(&first), Vec::<Json>::new());
    assert_eq!(items(&poll(&first.state).await), Vec::<Json>::new());
    *now.lock().unwrap() = feed(&[(4, "Sun, 04 Jan 2026 10:00:00 GMT"), THIRD, SECOND]);
    let second = poll(&first.state).await;
    let titles: Vec<Json> = items(&second).iter().map(|it| it["title"].clone()).collect();
    assert_eq!(titles, ["T3", "T4"], "the oldest first");
    // An item that comes back is not new.
    *now.lock().unwrap() = feed(&[THIRD, SECOND, FIRST]);
    assert_eq!(items(&poll(&second.state).await), Vec::<Json>::new());
}

#[tokio::test]
async fn what_is_no_feed_is_said() {
    let server = server(|seen| match seen.line.contains("/missing") {
        true => (404, "text/plain", "no".to_owned()),
        false => (200, "text/html", "<html></html>".to_owned()),
    })
    .await;
    let world = World::new(None);
    for (path, status) in [("/page", 400), ("/missing", 404)] {
        let ask = json!({ "feedUrl": format!("{}{path}", server.address) });
        assert_eq!(world.call("shared_rss", "ListFeedItems", &json!({}), ask).await.0, status);
    }
    let ask = json!({ "feedUrl": server.address });
    let denied = World::with_policy("", None)
        .try_call("shared_rss", "ListFeedItems", &json!({}), &ask)
        .await
        .unwrap_err();
    assert!(matches!(denied, HttpFailure::Denied(_)), "{denied}");
}

#[tokio::test]
async fn messages_and_cards_go_to_webhooks() {
    let server = server(|seen| match seen.line.contains("/gone") {
        true => (410, "text/plain", "channel_is_archived".to_owned()),
        false => (200, "text/plain", "1".to_owned()),
    })
    .await;
    let world = World::new(None);
    let connection = json!({ "webhookUrl": format!("{}/hook/secret-token", server.address) });
    let card = json!({ "type": "AdaptiveCard", "body": [] });
    for (connector, operation, parameters) in [
        ("sluicegate_teamswebhook", "PostMessage", json!({ "title": "T", "text": "hello" })),
        ("sluicegate_teamswebhook", "PostCard", json!({ "card": card })),
        ("sluicegate_teamswebhook", "PostCard", json!({ "card": card.to_string() })),
        ("sluicegate_slackwebhook", "PostMessage", json!({ "text": "hi", "blocks": "[]" })),
    ] {
        let (status, body) = world.call(connector, operation, &connection, parameters).await;
        assert_eq!(status, 200, "{connector} {operation}: {body}");
    }
    let seen = server.seen.lock().unwrap().clone();
    let bodies: Vec<Json> = seen.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    assert_eq!(bodies[0]["attachments"][0]["content"]["body"][1]["text"], "hello");
    assert_eq!(bodies[1]["attachments"][0]["content"], card);
    assert_eq!(bodies[1], bodies[2]);
    assert_eq!(bodies[3], json!({ "text": "hi", "blocks": [] }));
    assert_eq!(seen[0].line, "POST /hook/secret-token HTTP/1.1");

    let gone = json!({ "webhookUrl": format!("{}/gone/secret-token", server.address) });
    let text = json!({ "text": "x" });
    let (status, body) =
        world.call("sluicegate_slackwebhook", "PostMessage", &gone, text.clone()).await;
    assert_eq!(status, 410);
    assert!(!body.to_string().contains("secret-token"), "{body}");
    for address in ["no address secret-token", "ftp://secret-token.example/"] {
        let connection = json!({ "webhookUrl": address });
        let answer =
            world.try_call("sluicegate_slackwebhook", "PostMessage", &connection, &text).await;
        let text = format!("{answer:?}");
        assert!(!text.contains("secret-token"), "{text}");
        assert!(answer.is_err() || answer.is_ok_and(|it| it.status == 400), "{text}");
    }
    for (operation, parameters) in
        [("PostCard", json!({ "card": "[1]" })), ("PostMessage", json!({}))]
    {
        let answer =
            world.call("sluicegate_teamswebhook", operation, &connection, parameters).await;
        assert_eq!(answer.0, 400, "{operation}");
    }
}

#[tokio::test]
async fn a_service_is_called_with_the_token_of_the_connection() {
    let server = server(|seen| match seen.line.contains("/oauth2/token") {
        true => {
            let token = json!({ "access_token": "t0ken", "expires_in": "3600" });
            (200, "application/json", token.to_string())
        }
        false if seen.line.contains("/text") => (418, "text/plain", "short".to_owned()),
        false => (200, "application/json", "{\"id\":7}".to_owned()),
    })
    .await;
    let world = World::new(None);
    let connection = json!({
        "baseResourceUrl": format!("{}/api", server.address), "resourceUri": "https://res",
        "tenantId": "ten", "clientId": "cl", "clientSecret": "s3cret", "authority": server.address,
    });
    let call = async |request: Json| {
        let request = json!({ "request": request });
        world.call("shared_webcontents", "InvokeHttp", &connection, request).await
    };
    let request = json!({ "method": "POST", "url": "/items?a=b", "body": { "x": 1 },
        "headers": { "X-Own": "1", "Authorization": "Bearer mine" } });
    assert_eq!(call(request).await, (200, json!({ "id": 7 })));
    let whole = format!("{}/api/text", server.address);
    assert_eq!(call(json!({ "method": "GET", "url": whole })).await, (418, json!("short")));
    assert_eq!(call(json!({ "method": "GET", "url": "https://evil.example/" })).await.0, 400);
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3, "one token serves both calls");
    assert!(seen[0].body.contains("client_secret=s3cret"), "{}", seen[0].body);
    assert!(seen[0].body.contains("resource=https%3A%2F%2Fres"), "{}", seen[0].body);
    assert_eq!(seen[1].line, "POST /api/items?a=b HTTP/1.1");
    assert_eq!(seen[1].body, "{\"x\":1}");
    assert!(seen[1].head.contains("authorization: bearer t0ken"), "{}", seen[1].head);
    assert!(seen[1].head.contains("x-own: 1") && !seen[1].head.contains("mine"));
    assert_eq!(seen[2].line, "GET /api/text HTTP/1.1");
}
