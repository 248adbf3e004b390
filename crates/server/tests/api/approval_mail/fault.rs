//! Links that are of no use, and say so.

use super::{Desk, answer, person};
use crate::login::house::root;
use serde_json::{Value, json};
use server::app::approval::ApprovalType;
use server::limits::{APPROVAL_FORM_SECONDS, APPROVAL_LINK_SECONDS, FORGED_LINKS_PER_MINUTE};

fn input(title: &str, to: &str) -> Value {
    json!({"title": title, "assignedTo": to})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_link_says_so() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    desk.ask(ApprovalType::Basic, input("First", "ada@example.org")).await;
    let letter = desk.letter().await;
    let link = letter.link();
    // forged: any character is another
    let token = link.strip_prefix("/approvals/respond/").expect("a link");
    for place in 0..token.len() {
        let mut other: Vec<u8> = token.bytes().collect();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        if place % 10 == 0 {
            // so many in a minute are too many
            desk.house.pass(60);
        }
        let shown = desk.get(&format!("/approvals/respond/{other}")).await;
        assert_eq!(shown.status, 404, "{place}");
        assert!(shown.text.contains("not one that this server has sent"), "{}", shown.text);
        assert!(!shown.text.contains("First"), "{}", shown.text);
    }
    let (body, mark) = token.split_once('.').unwrap();
    let long = "A".repeat(10_000);
    desk.house.pass(60);
    for other in [
        "x",
        body,
        &format!("{body}."),
        &format!(".{mark}"),
        &format!("{token}A"),
        &format!("{token}="),
        &long,
    ] {
        desk.says(&format!("/approvals/respond/{other}"), 404, "There is nothing here").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_many_forged_links_has_to_wait() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    desk.ask(ApprovalType::Basic, input("First", "ada@example.org")).await;
    let link = desk.letter().await.link();
    // a minute begins
    desk.house.pass(60 - desk.house.now().rem_euclid(60));
    for number in 0..FORGED_LINKS_PER_MINUTE {
        assert_eq!(desk.get(&format!("{link}{number}")).await.status, 404, "{number}");
    }
    // whatever they try then, also what a good link leads to
    for path in [format!("{link}x"), link.clone(), format!("{link}/attachments/0")] {
        let told = desk.get(&path).await;
        assert_eq!(told.status, 429, "{path}: {}", told.text);
        let seconds: u32 = told.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(told.text.contains("Too many links"), "{}", told.text);
    }
    desk.says(&link, 429, "Try again in").await;
    desk.house.pass(60);
    assert_eq!(desk.get(&link).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_forms_expire() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    let first = desk.ask(ApprovalType::Basic, input("First", "ada@example.org")).await;
    let link = desk.letter().await.link();
    // a form that was open for too long is shown anew
    let shown = desk.get(&link).await;
    desk.house.pass(APPROVAL_FORM_SECONDS + 5);
    let late = desk.submit(&link, &shown, &[("response", "0"), ("comments", "kept <i>")]).await;
    assert_eq!(late.status, 400);
    assert!(late.text.contains("kept &lt;i&gt;</textarea>"), "{}", late.text);
    // expired
    desk.house.pass(APPROVAL_LINK_SECONDS - APPROVAL_FORM_SECONDS - 60);
    assert_eq!(desk.get(&link).await.status, 200);
    desk.house.pass(60);
    desk.says(&link, 410, "This link has expired").await;
    assert_eq!(desk.state(&first).await["state"]["standing"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_of_no_use_once_somebody_else_is_asked_or_nobody() {
    let desk = Desk::open().await;
    let (ada, eve) =
        (desk.house.user("ada", Vec::new()).await, desk.house.user("eve", Vec::new()).await);
    let app = &desk.house.app;
    // reassigned: the other has a link, and the first one's is of no use, nor is it when the
    // first is asked again
    let id = desk.ask(ApprovalType::Basic, input("Handed on", "ada@example.org")).await;
    let link = desk.letter().await.link();
    let form = desk.get(&link).await;
    let to = (None, "eve@example.org");
    app.reassign_approval(&person(&ada), &id, to, None).await.expect("reassigned");
    let eves = desk.letter().await;
    assert_eq!(eves.to, ["eve@example.org"]);
    desk.says(&link, 410, "Somebody else was asked instead").await;
    app.reassign_approval(&person(&eve), &id, (None, "ada@example.org"), None).await.expect("back");
    let again = desk.letter().await.link();
    assert_eq!(desk.submit(&link, &form, &[("response", "0")]).await.status, 410);
    assert_eq!(desk.get(&again).await.status, 200);
    // cancelled: that is told
    app.cancel_approval(&root(), &id, None).await.expect("cancelled");
    desk.says(&again, 410, "The approval was cancelled").await;
    let letter = desk.letter().await;
    assert_eq!(letter.subject, "Cancelled: Handed on");
    assert!(letter.links().is_empty(), "{}", letter.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_of_no_use_once_it_is_decided() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    let eve = desk.house.user("eve", Vec::new()).await;
    let app = &desk.house.app;
    // decided by somebody else
    let id =
        desk.ask(ApprovalType::Basic, input("Either", "ada@example.org;eve@example.org")).await;
    let letters = desk.letters().await;
    let adas = letters.iter().find(|it| it.to == ["ada@example.org"]).unwrap().link();
    app.answer_approval(&person(&eve), &id, answer("Approve")).await.expect("answered");
    desk.says(&adas, 410, "decided already: \u{201c}Approve\u{201d}").await;
    // a deadline has passed, which nobody has looked at yet
    let mut due = input("Soon", "ada@example.org");
    due["deadline"] = json!({"after": {"amount": 1, "unit": "Hours"}});
    desk.ask(ApprovalType::Basic, due).await;
    let link = desk.letter().await.link();
    let form = desk.get(&link).await;
    assert!(form.text.contains("To be answered by"), "{}", form.text);
    desk.house.pass(3_601);
    assert_eq!(desk.submit(&link, &form, &[("response", "0")]).await.status, 410);
    desk.says(&link, 410, "decided already: \u{201c}Reject\u{201d}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_one_asking_of_somebody_who_is_let_in() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    let app = &desk.house.app;
    // the same person is asked by two stages: each link is for its own
    let input_of_two = input("Twice", "ada@example.org;ada@example.org");
    let id = desk.ask(ApprovalType::Sequential, input_of_two).await;
    let link = desk.letter().await.link();
    let form = desk.get(&link).await;
    let (one, other) = tokio::join!(
        desk.submit(&link, &form, &[("response", "0")]),
        desk.submit(&link, &form, &[("response", "0")])
    );
    assert_eq!(one.status.min(other.status), 200);
    assert_eq!(one.status.max(other.status), 410);
    let state = desk.state(&id).await;
    assert_eq!(
        (&state["state"]["standing"], &state["state"]["stage"]),
        (&json!("open"), &json!(1)),
        "{state}"
    );
    assert_eq!(desk.submit(&link, &form, &[("response", "0")]).await.status, 410);
    let second = desk.letter().await.link();
    assert_eq!(desk.get(&second).await.status, 200);
    // who cannot sign in any more cannot answer either
    app.enable_user(&root(), "ada@example.org", false).await.expect("disabled");
    desk.says(&second, 403, "cannot be used any more").await;
    app.enable_user(&root(), "ada@example.org", true).await.expect("enabled");
    app.delete_user(&root(), "ada@example.org").await.expect("deleted");
    desk.says(&second, 403, "cannot be used any more").await;
}
