//! Public connectors: each is imported as anybody would import it, flows call every operation
//! of it over a connection, and what arrives at the service is compared, byte by byte, with
//! what the connector's document and policies say, which the test reads by its own means.
//!
//! Signing in is not tried here (`tests/api/oauth` does), so what a person signs in for is
//! taken out of the properties once they are imported as they are. The addresses that a
//! document or a policy names are somebody else's: no call gets there, since the policy for
//! outgoing calls of the server lets out the one port of the test's service.

mod check;
mod expected;
mod own;
mod rules;
mod service;
mod stage;

use check::{Want, WantBody, WantPart, compare};
use serde_json::{Value, json};
use service::Raw;
use stage::{Stage, Way, call_every};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of the definitions there are, this share has to be imported.
const IMPORTED_MIN: f64 = 0.98;

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("SLUICEGATE_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.join("connectors");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no {}", folder.display());
    None
}

/// Folders of connectors, in order.
fn connectors(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let all = std::fs::read_dir(folder).expect("a folder").flatten();
        all.map(|it| it.path()).filter(|it| it.is_dir()).collect::<Vec<_>>()
    };
    let mut found: Vec<PathBuf> = entries(folder).iter().flat_map(|it| entries(it)).collect();
    found.retain(|it| it.join("apiDefinition.swagger.json").is_file());
    found.sort();
    found
}

/// A file as its author meant it: some were written by hand, with a comma too many and with
/// line breaks in texts.
fn read(text: &str) -> Result<Value, serde_json::Error> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).or_else(|_| {
        let mut plain: String = text.chars().map(|it| if it < ' ' { ' ' } else { it }).collect();
        while let Some(at) = surplus_comma(&plain) {
            plain.remove(at);
        }
        serde_json::from_str(&plain)
    })
}

fn surplus_comma(text: &str) -> Option<usize> {
    let is_surplus = |at: &usize| text[at + 1..].trim_start().starts_with(['}', ']']);
    text.match_indices(',').map(|it| it.0).find(is_surplus)
}

#[tokio::test(flavor = "multi_thread")]
async fn public_connectors_are_called_as_their_documents_say() {
    let Some(folder) = corpus() else { return };
    let stage = Stage::open().await;
    let (mut imported, mut refused, mut mended) = (Vec::new(), Vec::new(), 0);
    for (at, folder) in connectors(&folder).iter().enumerate() {
        let file = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).expect("a file");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (definition, properties) =
            (file("apiDefinition.swagger.json"), file("apiProperties.json"));
        let raw = read(&definition).unwrap_or_default();
        let name = format!("shared_p{at}");
        println!("{name}: {}", folder.display());
        match stage.import(&name, [&definition, &properties], raw).await {
            Ok(connector) if connector.raw.is_object() => imported.push(connector),
            Ok(_) => {
                println!("imported, and the test cannot read it");
                mended += 1;
            }
            Err(answer) => {
                println!("refused: {answer}");
                // the construct, by its place in the file
                assert!(answer.contains(" at $"), "{name}: {answer}");
                refused.push(name);
            }
        }
    }
    let read = imported.len() + mended;
    let all = read + refused.len();
    let operations: usize = imported.iter().map(|it| it.operations).sum();
    println!("imported {read} of {all}, with {operations} operations");
    assert!(read as f64 >= IMPORTED_MIN * all as f64, "{refused:?}");
    let ways = imported.into_iter().map(|it| {
        let is_rewritten = !it.rules.hosts().is_empty();
        (it, if is_rewritten { vec![Way::Host, Way::Own] } else { vec![Way::Host] })
    });
    let found = call_every(Arc::new(stage), ways.collect()).await;
    println!(
        "{} calls matched, {} went to the right host elsewhere, {} need code that is not run",
        found.matched, found.elsewhere, found.scripted
    );
    println!("not compared: {:#?}", found.beyond);
    assert!(found.faults.is_empty(), "{}: {:#?}", found.faults.len(), found.faults);
    // few, each with its reason
    assert!(found.beyond.len() * 20 < operations, "{:#?}", found.beyond);
    assert!(found.matched > operations, "{} of {operations}", found.matched);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_called_as_they_say() {
    let stage = Stage::open().await;
    let mut connectors = Vec::new();
    for (name, document, properties) in own::documents(stage.service.addr) {
        let files = [document.to_string(), properties.to_string()];
        let made = stage.import(name, [&files[0], &files[1]], document).await.expect(name);
        connectors.push((made, vec![Way::Host, Way::Own]));
    }
    let found = call_every(Arc::new(stage), connectors).await;
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    assert_eq!((found.matched, found.elsewhere, found.scripted), (80, 2, 4));
}

/// A request that is right, and what it must be.
fn right() -> (Want, Raw) {
    let want = Want {
        method: "POST".to_owned(),
        path: "/at/a%2Fb".to_owned(),
        query: vec![
            ("$top".to_owned(), "1".to_owned()),
            ("q".to_owned(), "a b&ä".to_owned()),
            ("many".to_owned(), "1".to_owned()),
            ("many".to_owned(), "2".to_owned()),
        ],
        headers: vec![("X-Lang".to_owned(), "de".to_owned())],
        body: WantBody::Json(json!({"n": 1, "t": ["x"]})),
        media: Some("application/json".to_owned()),
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let got = Raw {
        method: "POST".to_owned(),
        target: "/at/a%2Fb?many=1&many=2&$top=1&q=a%20b%26%C3%A4".to_owned(),
        headers: vec![
            header("host", "h"),
            header("x-lang", "de"),
            header("content-type", "application/json"),
        ],
        body: br#"{"t":["x"],"n":1.0}"#.to_vec(),
    };
    (want, got)
}

#[test]
fn a_wrong_call_is_told_from_a_right_one() {
    let (want, got) = right();
    compare(&want, &got).expect("a right call");
    type Change = fn(&mut Raw);
    let cases: [(&str, Change); 12] = [
        ("method", |it| it.method = "PUT".to_owned()),
        ("path", |it| it.target = it.target.replace("%2F", "/")),
        ("path", |it| it.target = it.target.replace("a%2Fb", "a%252Fb")),
        ("path", |it| it.target = it.target.replace("/at/", "/")),
        ("query", |it| it.target = it.target.replace("&$top=1", "")),
        ("query", |it| it.target = it.target.replace("%20", "+")),
        ("query", |it| it.target = it.target.replace("many=1&many=2", "many=1,2")),
        ("query", |it| it.target = it.target.replace("many=1&many=2", "many=2&many=1")),
        ("header X-Lang", |it| it.headers.retain(|it| it.0 != "x-lang")),
        ("header x-more", |it| it.headers.push(("x-more".to_owned(), "1".to_owned()))),
        ("content type", |it| it.headers[2].1 = "text/plain".to_owned()),
        ("body", |it| it.body = br#"{"n":1,"t":"x"}"#.to_vec()),
    ];
    for (what, change) in cases {
        let mut wrong = got.clone();
        change(&mut wrong);
        let fault = compare(&want, &wrong).expect_err(what);
        assert!(fault.starts_with(what), "{what}: {fault}");
    }
}

#[test]
fn a_wrong_form_is_told_from_a_right_one() {
    let (mut want, mut got) = right();
    want.media = Some("application/x-www-form-urlencoded".to_owned());
    got.headers[2].1 = "application/x-www-form-urlencoded".to_owned();
    want.body = WantBody::Form(vec![("a b".to_owned(), "c&d".to_owned())]);
    got.body = b"a+b=c%26d".to_vec();
    compare(&want, &got).expect("a right form");
    for wrong in ["a b=c&d", "a%20b=c%26d", "a+b=c", ""] {
        got.body = wrong.as_bytes().to_vec();
        assert!(compare(&want, &got).is_err(), "{wrong}");
    }
    let part = |name: &str, media: Option<&str>, content: &[u8]| WantPart {
        name: name.to_owned(),
        media: media.map(str::to_owned),
        content: content.to_vec(),
    };
    want.media = Some("multipart/form-data".to_owned());
    want.body =
        WantBody::Parts(vec![part("t", None, b"x"), part("f", Some("text/csv"), b"\xff\r\n")]);
    let text = "--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nx";
    let file = "\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\nContent-Type: text/csv\r\n\r\n";
    let whole = |text: &str, file: &str, content: &[u8]| {
        [text.as_bytes(), file.as_bytes(), content, b"\r\n--b--\r\n"].concat()
    };
    got.headers[2].1 = "multipart/form-data; boundary=b".to_owned();
    got.body = whole(text, file, b"\xff\r\n");
    compare(&want, &got).expect("right parts");
    for wrong in [
        whole(text, file, b"\xff\n"),
        whole(text, &file.replace("text/csv", "text/plain"), b"\xff\r\n"),
        whole(text, &file.replace("; filename=\"f\"", ""), b"\xff\r\n"),
        whole(&text.replace("\"t\"", "\"u\""), file, b"\xff\r\n"),
        whole("--b", file, b"\xff\r\n"),
        Vec::new(),
    ] {
        got.body = wrong;
        assert!(compare(&want, &got).is_err(), "{:?}", String::from_utf8_lossy(&got.body));
    }
}
