//! Approvals, deputies and calendars, as two people use them.

use super::{Desk, done};
use reqwest::Method;
use serde_json::json;
use std::process::Command;

/// Somebody's key.
async fn key(desk: &Desk, name: &str) -> String {
    let who = format!("{name}@example.org");
    desk.run(&["user", "create", &who, "--display-name", name]);
    let body = json!({"name": name, "principal": who});
    let (status, made) = desk.server.api().call(Method::POST, "/api/v1/keys", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    made["key"].as_str().expect("a key").to_owned()
}

fn of(desk: &Desk, key: &str, arguments: &[&str]) -> Command {
    let mut command = desk.command(arguments);
    command.env("SLUICEGATE_TOKEN", key);
    command
}

#[tokio::test]
async fn two_people_decide_on_the_command_line() {
    let desk = Desk::start().await;
    let (ada, bob) = (key(&desk, "ada").await, key(&desk, "bob").await);
    desk.write("offer.txt", "three hundred");
    let ask = [
        "approval",
        "create",
        "--title",
        "Buy a press",
        "--to",
        "bob@example.org",
        "--attach",
        "offer.txt",
        "--link",
        "https://example.org/1",
    ];
    let told = done(&mut of(&desk, &ada, &ask), 0);
    assert!(told.contains("it waits for bob."), "{told}");
    let list = done(&mut of(&desk, &bob, &["approval", "list"]), 0);
    assert!(list.contains("Buy a press") && list.contains("ada"), "{list}");
    let sent = done(&mut of(&desk, &ada, &["approval", "list", "--sent", "--json"]), 0);
    let sent: serde_json::Value = serde_json::from_str(&sent).expect("JSON");
    let id = sent["value"][0]["id"].as_str().expect("an id").to_owned();
    let shown = done(&mut of(&desk, &bob, &["approval", "show", &id]), 0);
    for part in ["offer.txt", "Approve, Reject", "bob was asked.", "You answer for: bob"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let all = desk.run(&["approval", "list", "--all"]);
    assert!(all.contains(&id), "{all}");
    done(&mut of(&desk, &bob, &["approval", "list", "--all"]), 1);
    let decide = ["approval", "decide", &id, "--response"];
    let wrong = done(&mut of(&desk, &bob, &[&decide[..], &["Perhaps"]].concat()), 1);
    assert!(wrong.contains("expected one of 'Approve', 'Reject'"), "{wrong}");
    let right = [&decide[..], &["Approve", "--comments", "Go ahead"]].concat();
    let told = done(&mut of(&desk, &bob, &right), 0);
    assert!(told.contains("the outcome is 'Approve'"), "{told}");
    let late = done(&mut of(&desk, &bob, &right), 1);
    assert!(late.contains("decided already"), "{late}");
    let evidence = done(&mut of(&desk, &ada, &["approval", "evidence", &id]), 0);
    assert!(evidence.contains("The history is what was written."), "{evidence}");
    let evidence = desk.json(&["approval", "evidence", &id]);
    assert_eq!(
        (&evidence["isSound"], &evidence["comments"][0]["text"]),
        (&json!(true), &json!("Go ahead"))
    );
    let closed = done(&mut of(&desk, &bob, &["approval", "list", "--closed"]), 0);
    assert!(closed.contains("Completed") && closed.contains(&id), "{closed}");
}

#[tokio::test]
async fn others_are_asked_and_answer() {
    let desk = Desk::start().await;
    let (ada, bob) = (key(&desk, "ada").await, key(&desk, "bob").await);
    let nobody = done(&mut of(&desk, &ada, &["deputy", "show"]), 0);
    assert!(nobody.contains("Nobody answers for you"), "{nobody}");
    let made = |title: &'static str| {
        let ask = ["approval", "create", "--title", title, "--to", "ada@example.org", "--json"];
        let made = done(&mut desk.command(&ask), 0);
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        made["id"].as_str().expect("an id").to_owned()
    };
    let (first, second, third) = (made("One"), made("Two"), made("Three"));
    let set = ["deputy", "set", "bob@example.org", "--from", "2020-01-01"];
    assert!(done(&mut of(&desk, &ada, &set), 0).contains("bob answers for you."));
    let shown = done(&mut of(&desk, &bob, &["deputy", "show"]), 0);
    assert!(shown.contains("ada") && shown.contains("yes"), "{shown}");
    let list = done(&mut of(&desk, &bob, &["approval", "list", "--for", "ada@example.org"]), 0);
    assert!(list.contains(&first), "{list}");
    let decide = ["approval", "decide", &first, "--response", "Reject", "--for", "ada@example.org"];
    assert!(done(&mut of(&desk, &bob, &decide), 0).contains("'Reject'"));
    assert!(done(&mut of(&desk, &ada, &["deputy", "clear"]), 0).contains("Nobody"));
    let decide = ["approval", "decide", &second, "--response", "Approve"];
    done(&mut of(&desk, &bob, &decide), 1);
    let reassign = ["approval", "reassign", &second, "--to", "bob@example.org"];
    assert!(done(&mut of(&desk, &ada, &reassign), 0).contains("it waits for bob."));
    assert!(done(&mut of(&desk, &bob, &decide), 0).contains("'Approve'"));
    let told = desk.run(&["approval", "cancel", &third, "--comments", "No need"]);
    assert!(told.contains("Cancelled"), "{told}");
    // days of work
    let set = ["calendar", "set", "default", "--zone", "Europe/Berlin", "--workday", "1"];
    desk.run(&[&set[..], &["--holiday", "2026-12-25"]].concat());
    let list = desk.run(&["calendar", "list"]);
    assert!(list.contains("Europe/Berlin") && list.contains("Mon"), "{list}");
    assert!(desk.fails(&["calendar", "set", "x", "--zone", "Mars"]).contains("'Mars'"));
    desk.run(&["calendar", "delete", "default"]);
    assert!(desk.fails(&["calendar", "delete", "default"]).contains("no calendar 'default'"));
}
