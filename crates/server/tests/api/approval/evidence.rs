//! What shows how an approval was decided.

use super::{Desk, code, request};
use crate::login::house::{House, root};
use crate::people::{CO_OWNER, HEAD, OWNER, USER};
use crate::world::World;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::approval::{AnswerInput, ApprovalInput, ApprovalType, Asking};
use server::app::directory::user::UserInput;
use server::auth::caller::Caller;
use sha2::{Digest, Sha256};
use store::{Edit, Record};

fn hash_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the chain is what the reference page says, from the answer alone.
fn verify(evidence: &Value) {
    let text = |name: &str| evidence[name].as_str().expect("a text").as_bytes();
    let about = hash_of(&[text("asked"), text("plan")]);
    let first = evidence["entries"][0]["what"].as_str().expect("a text");
    assert!(first.contains(&about), "{about}: {first}");
    let mut before = String::new();
    for entry in evidence["entries"].as_array().expect("entries") {
        let ticks = entry["ticks"].as_i64().expect("ticks").to_be_bytes();
        let what = entry["what"].as_str().expect("a text");
        before = hash_of(&[before.as_bytes(), &ticks, what.as_bytes()]);
        assert_eq!(entry["hash"], before, "{entry}");
    }
    for comment in evidence["comments"].as_array().expect("comments") {
        let commitment = comment["commitment"].as_str().expect("a hash");
        assert!(evidence["entries"].to_string().contains(commitment), "{comment}");
        if let (Some(salt), Some(text)) = (comment["salt"].as_str(), comment["text"].as_str()) {
            assert_eq!(hash_of(&[salt.as_bytes(), text.as_bytes()]), commitment);
        }
    }
    assert_eq!(evidence["isSound"], true, "{evidence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_can_be_checked_by_others() {
    let desk = Desk::open().await;
    let id = desk.asked("BasicAwaitAll", "user@example.org;co-owner@example.org").await;
    let path = format!("approvals/{id}/evidence");
    verify(&desk.get(OWNER, &path, 200).await);
    let body = json!({"response": "Approve", "comments": "Only the blue one"});
    desk.post(USER, &id, "responses", body, 200).await;
    let body = json!({"to": "administrator@example.org", "comments": "Ask them"});
    desk.post(CO_OWNER, &id, "reassign", body, 200).await;
    desk.answer(3, &id, "Approve", 200).await;
    let evidence = desk.get(OWNER, &path, 200).await;
    verify(&evidence);
    assert_eq!(evidence["comments"].as_array().map(Vec::len), Some(2));
    let text = evidence.to_string();
    for part in ["Only the blue one", "Ask them", "reassigned", "decided"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // the audit has the end of the chain
    let audit = desk.people.world.api.get("/api/v1/audit?operation=AnswerApproval").await;
    let last = evidence["entries"].as_array().and_then(|it| it.last()).expect("an entry");
    assert_eq!(audit["value"][0]["detail"]["evidence"], last["hash"], "{audit}");
}

/// What is stored of an approval of Ada's has nothing of hers any more.
#[tokio::test]
async fn what_is_erased_is_not_stored() {
    let house = House::open().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    let input = ApprovalInput {
        title: "Buy a press".to_owned(),
        assigned_to: format!("{};guest@partner.example", user.id),
        ..ApprovalInput::default()
    };
    let asking = Asking::by_hand(ApprovalType::BasicAwaitAll, input);
    let made = house.app.create_approval(&root(), "default", asking).await.expect("an approval");
    let answer = AnswerInput {
        assignee: None,
        option: "Approve".to_owned(),
        comments: Some("no money".to_owned()),
        via: governance::approval::Via::Api,
    };
    house.app.answer_approval(&ada, &made.id, answer).await.expect("an answer");
    let stored = async || {
        let store = &house.app.engine.store;
        let kept = store.record(APPROVAL, &made.id).await.expect("a store").expect("a record");
        let keys = kept.keys.iter().map(|it| String::from_utf8_lossy(&it.value).into_owned());
        keys.collect::<String>() + &String::from_utf8_lossy(&kept.body)
    };
    let theirs = ["ada@example.org", "\"ada\"", "no money", "guest@partner.example"];
    let before = stored().await;
    assert!(theirs.iter().all(|it| before.contains(it)), "{before}");
    for person in ["ada@example.org", "Guest@Partner.Example"] {
        let erased = house.app.erase_from_approvals(&root(), person).await;
        assert_eq!(erased.expect("erased"), 1, "{person}");
    }
    let after = stored().await;
    assert!(!theirs.iter().any(|it| after.contains(it)), "{after}");
    let view = house.app.approval_evidence(&ada, &made.id).await.expect("evidence");
    assert_eq!(view.fault, None);
    // an address that is erased is nobody's any more
    let again = house.app.erase_from_approvals(&root(), "guest@partner.example").await;
    assert_eq!(again.expect("erased"), 0);
}

/// Somebody was asked by an address before they were in the directory, or before it was the
/// address of several.
#[tokio::test]
async fn who_was_asked_by_an_address_is_erased_by_all_names() {
    let house = House::open().await;
    let ask = async |to: &str| {
        let input = ApprovalInput {
            title: "Buy a press".to_owned(),
            assigned_to: to.to_owned(),
            ..ApprovalInput::default()
        };
        let asking = Asking::by_hand(ApprovalType::Basic, input);
        house.app.create_approval(&root(), "default", asking).await.map(|_| ()).expect("asked");
    };
    ask("ada@example.org").await;
    ask("team@partner.example").await;
    let ada = house.user("ada", Vec::new()).await;
    for name in ["bob", "carol"] {
        let input = UserInput {
            user_principal_name: format!("{name}@example.org"),
            display_name: Some(name.to_owned()),
            mail: Some("team@partner.example".to_owned()),
            password: None,
            roles: Vec::new(),
        };
        house.app.create_user(&root(), input).await.map(|_| ()).expect("a user");
    }
    for (person, count) in [(ada.id.as_str(), 1), ("team@partner.example", 1), (&ada.id, 0)] {
        let erased = house.app.erase_from_approvals(&root(), person).await;
        assert_eq!(erased.expect("erased"), count, "{person}");
    }
}

/// How the beginning of what is found out reads, and what is done to a record.
type Forgery = (&'static str, fn(&mut Value));

#[tokio::test]
async fn what_was_changed_in_the_store_is_found_out() {
    let house = House::open().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    let input = ApprovalInput {
        title: "Buy a press".to_owned(),
        assigned_to: user.id.clone(),
        ..ApprovalInput::default()
    };
    let asking = Asking::by_hand(ApprovalType::Basic, input);
    let made = house.app.create_approval(&root(), "default", asking).await.expect("an approval");
    let answer = AnswerInput {
        assignee: None,
        option: "Reject".to_owned(),
        comments: Some("no money".to_owned()),
        via: governance::approval::Via::Api,
    };
    house.app.answer_approval(&ada, &made.id, answer).await.expect("an answer");
    let fault = async || house.app.approval_evidence(&ada, &made.id).await.expect("evidence").fault;
    assert_eq!(fault().await, None);
    let forgeries: [Forgery; 8] = [
        ("The comment 0", |it| {
            it["state"]["comments"][0]["content"]["text"] = json!("so much!");
        }),
        ("The entry 2", |it| it["state"]["history"][2]["what"]["option"] = json!("Approve")),
        ("The outcome", |it| {
            it["state"]["standing"]["decided"]["outcome"] = json!("Approve");
        }),
        ("The outcome", |it| it["state"]["standing"] = json!("open")),
        ("The answer of the asking 0", |it| {
            it["state"]["tasks"][0]["state"]["answered"]["option"] = json!("Approve");
        }),
        ("The answer of the asking 0", |it| it["state"]["tasks"][0]["state"] = json!("open")),
        ("What is asked", |it| it["title"] = json!("Buy two presses")),
        // as it was before anybody had answered
        ("The end of the history", |it| {
            let state = &mut it["state"];
            state["history"].as_array_mut().expect("entries").truncate(2);
            state["tasks"][0]["state"] = json!("open");
            state["standing"] = json!("open");
            state["comments"] = json!([]);
        }),
    ];
    let store = &house.app.engine.store;
    for (said, forge) in forgeries {
        let kept = store.record(APPROVAL, &made.id).await.expect("a store").expect("a record");
        let mut body: Value = serde_json::from_slice(&kept.body).expect("JSON");
        let before = body.clone();
        forge(&mut body);
        assert_ne!(body, before, "{said}");
        let forged = Record { body: body.to_string().into_bytes(), ..kept.clone() };
        store.change(vec![Edit::Put(forged)], Vec::new()).await.expect("changed");
        assert!(
            fault().await.is_some_and(|it| it.starts_with(said)),
            "{said}: {:?}",
            fault().await
        );
        let revision =
            store.record(APPROVAL, &made.id).await.expect("a store").expect("it").revision;
        let back = Record { revision, ..kept };
        store.change(vec![Edit::Put(back)], Vec::new()).await.expect("changed");
        assert_eq!(fault().await, None);
    }
}

/// Who acts from outside an approval is known in its history, and can be erased.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_acts_on_an_approval_has_a_name_and_can_be_erased() {
    const COMMENT: &str = "zebra crossing eight";
    let desk = Desk::open().await;
    let name = desk.people.all[3].id.clone();
    let body = json!({"from": "user@example.org", "to": "co-owner@example.org",
        "comments": COMMENT});
    let moved = desk.asked("Basic", "user@example.org").await;
    desk.post(3, &moved, "reassign", body, 200).await;
    let ended = desk.asked("Basic", "user@example.org").await;
    desk.post(3, &ended, "cancel", json!({"comments": COMMENT}), 200).await;
    for id in [&moved, &ended] {
        let shown = desk.show(OWNER, id).await;
        assert!(!shown["history"].to_string().contains("Somebody"), "{shown}");
        assert!(shown["history"].to_string().contains(COMMENT), "{shown}");
    }
    let body = json!({"person": name});
    let erased =
        desk.people.ask(HEAD, (Method::POST, "/api/v1/approvals/erase"), Some(&body), 200).await;
    assert_eq!(erased["approvals"], 2, "{erased}");
    for id in [&moved, &ended] {
        let shown = desk.show(OWNER, id).await;
        assert!(shown["history"].to_string().contains("Somebody"), "{shown}");
        assert!(!shown["history"].to_string().contains(COMMENT), "{shown}");
        verify(&desk.get(OWNER, &format!("approvals/{id}/evidence"), 200).await);
    }
}

/// The number of approvals among records.
const APPROVAL: u8 = 83;

#[tokio::test(flavor = "multi_thread")]
async fn people_are_erased_and_the_evidence_stays() {
    const COMMENT: &str = "zebra crossing seven";
    const NAME: &str = "Ludmilla Quastenflosser";
    const GUEST: &str = "guest-qx@partner.example";
    let desk = Desk::open().await;
    let world = &desk.people.world;
    let body = json!({"userPrincipalName": "lq-unique@example.org", "displayName": NAME});
    world.call(Method::POST, "/api/v1/users", body, 201).await;
    let body = json!({"name": "lq", "principal": "lq-unique@example.org"});
    let key = world.call(Method::POST, "/api/v1/keys", body, 201).await;
    let key = key["key"].as_str().expect("a key").to_owned();
    let to = format!("lq-unique@example.org;{GUEST};user@example.org");
    let mut body = request("BasicAwaitAll", &to);
    body["details"] = json!("x".repeat(20_000));
    let id = super::id(&desk.ask(body).await);
    let path = format!("/api/v1/approvals/{id}/responses");
    let body = json!({"response": "Approve", "comments": COMMENT});
    let sent = world.api.request(Method::POST, &path).bearer_auth(&key).json(&body).send().await;
    assert_eq!(sent.expect("an answer").status(), 200);
    let erase = async |who: usize, person: &str, status: u16| {
        let body = json!({"person": person});
        desk.people.ask(who, (Method::POST, "/api/v1/approvals/erase"), Some(&body), status).await
    };
    erase(OWNER, "lq-unique@example.org", 403).await;
    erase(3, "lq-unique@example.org", 403).await;
    assert_eq!(erase(HEAD, "nobody", 200).await["approvals"], 0);
    assert_eq!(erase(HEAD, "lq-unique@example.org", 200).await["approvals"], 1);
    assert_eq!(erase(HEAD, &GUEST.to_uppercase(), 200).await["approvals"], 1);
    let evidence = desk.get(OWNER, &format!("approvals/{id}/evidence"), 200).await;
    verify(&evidence);
    assert_eq!(evidence["comments"][0].get("text"), None, "{evidence}");
    let shown = desk.show(USER, &id).await;
    assert!(shown["history"].to_string().contains("Somebody answered 'Approve'"), "{shown}");
    for text in [evidence.to_string(), shown.to_string()] {
        for gone in [COMMENT, NAME, GUEST, "lq-unique"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
    }
    // it goes on without them
    assert_eq!(desk.answer(USER, &id, "Reject", 200).await["outcome"], "Reject");
    assert_eq!(code(&desk.answer(USER, &id, "Reject", 409).await), "ApprovalAlreadyCompleted");
    // and the files of a server that has ended have nothing of them
    let World { server, setup, .. } = desk.people.world;
    assert!(!traces(&setup.data, &[&id]).is_empty(), "the approval is there");
    assert!(server.stop().await.success());
    assert_eq!(traces(&setup.data, &[COMMENT, GUEST]), Vec::<String>::new());
}

/// What of some texts is in the files of a store.
fn traces(folder: &std::path::Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["sluicegate.db", "sluicegate.db-wal"] {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        for text in texts {
            if bytes.windows(text.len()).any(|it| it == text.as_bytes()) {
                found.push(format!("{text} in {name}"));
            }
        }
    }
    found
}
