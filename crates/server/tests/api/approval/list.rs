//! Lists of approvals.

use super::{ADMINISTRATOR, Desk, id, request};
use crate::people::{OWNER, STRANGER, USER};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_with_their_filters() {
    let desk = Desk::open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(desk.asked("Basic", "user@example.org").await);
        // another environment's are between them
        for _ in 0..3 {
            let body = request("Basic", "co-owner@example.org");
            let path = "/api/v1/environments/default/approvals";
            desk.people.ask(OWNER, (Method::POST, path), Some(&body), 201).await;
        }
    }
    made.reverse();
    let within = format!("environments/{}/approvals?state=open&top=2", desk.people.environment);
    for (who, first) in [
        (USER, "approvals?side=received&environment=sales&top=2".to_owned()),
        (OWNER, "approvals?side=sent&environment=sales&top=2".to_owned()),
        (ADMINISTRATOR, within),
    ] {
        let (mut found, mut next) = (Vec::new(), Some(format!("/api/v1/{first}")));
        while let Some(path) = next {
            let page = desk.people.ask(who, (Method::GET, &path), None, 200).await;
            let rows = page["value"].as_array().expect("a list");
            found.extend(rows.iter().map(id));
            next = page["nextLink"].as_str().map(str::to_owned);
            // a page is cut after what is in it was chosen
            assert!(rows.len() == 2 || rows.len() == 1 && next.is_none(), "{page}");
        }
        assert_eq!(found, made, "{first}");
    }
    assert_eq!(desk.list(OWNER, "side=sent&top=1000").await.len(), 20);
    assert_eq!(desk.list(OWNER, "side=sent&environment=default&top=1000").await.len(), 15);
    assert!(desk.list(USER, "environment=other").await.is_empty());
    assert!(desk.list(USER, "environment=none").await.is_empty());
    // people who have nothing to do with it hear the same of what is there and what is not
    for what in ["", "/evidence", "/attachments/0"] {
        let there = desk.get(STRANGER, &format!("approvals/{}{what}", made[0]), 403).await;
        let made_up = "11111111-1111-4111-8111-111111111111";
        let not = desk.get(STRANGER, &format!("approvals/{made_up}{what}"), 403).await;
        assert_eq!(there.to_string().replace(&made[0], made_up), not.to_string());
    }
}
