//! Letters: who gets which, and that they go out.

use super::{Desk, Letter, OUTSIDE, WITHIN, ask, letters_in, page, servers};
use crate::connector_call::power;
use crate::login::browser::hidden;
use crate::login::house::{House, root};
use crate::notification::{Post, mailer};
use crate::people::{OWNER, People};
use crate::world::{Answer, World, definition};
use reqwest::Method;
use rig::Mail;
use rig::mail::{MAIL_PASSWORD, MAIL_USER};
use serde_json::json;
use server::app::approval::ApprovalType;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn reminders_have_links_and_who_wants_no_letters_gets_none() {
    let desk = Desk::open().await;
    desk.house.user("ada", Vec::new()).await;
    let span = |amount: u32| json!({"amount": amount, "unit": "Hours"});
    let mut input = json!({"title": "Quiet", "assignedTo": "ada@example.org",
        "requestor": "ada@example.org", "enableNotifications": false,
        "reminder": {"after": span(1)}, "escalation": {"after": span(2), "to": OUTSIDE}});
    let id = desk.ask(ApprovalType::Basic, input.clone()).await;
    for _ in 0..3 {
        assert!(desk.letters().await.is_empty());
        desk.house.pass(3_600);
    }
    desk.house.app.cancel_approval(&root(), &id, None).await.expect("cancelled");
    assert!(desk.letters().await.is_empty());
    input["enableNotifications"] = json!(true);
    input["title"] = json!("Loud");
    desk.ask(ApprovalType::Basic, input).await;
    let asked = desk.letter().await;
    desk.house.pass(3_601);
    let reminded = desk.letter().await;
    assert_eq!(reminded.subject, "Reminder: Loud");
    assert_ne!(reminded.link(), asked.link());
    desk.house.pass(3_600);
    let escalated = desk.letter().await;
    assert_eq!(
        (escalated.to[0].as_str(), escalated.subject.as_str()),
        (OUTSIDE, "Not answered yet: Loud")
    );
    assert!(!escalated.text.contains("http"), "{}", escalated.text);
    // the older link is as good as the newer one, until one of them was used
    let shown = desk.get(&asked.link()).await;
    assert_eq!(desk.submit(&asked.link(), &shown, &[("response", "0")]).await.status, 200);
    desk.says(&reminded.link(), 410, "It was answered already").await;
}

/// The id of a mail in a stub's words.
fn message_id(mail: &str) -> String {
    let line = mail.lines().find(|line| line.starts_with("Message-ID: "));
    line.expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_out_although_the_server_ends_and_twice_at_most() {
    let (post, address) = Post::open().await;
    let house = House::open().await;
    let open = |house: &House| house.app.notices.set(Some(mailer(address)), Duration::from_secs(1));
    open(&house);
    // the server ends when the approval is kept and before anything is sent
    ask(&house, ApprovalType::Basic, json!({"title": "A", "assignedTo": OUTSIDE})).await;
    assert!(post.mails().is_empty());
    let next = house.next_door().await;
    open(&next);
    next.app.see_to_approvals().await.expect("a round");
    assert_eq!(post.mails().len(), 1);
    // it ends when the mail was taken and before it knows that
    ask(&next, ApprovalType::Basic, json!({"title": "B", "assignedTo": OUTSIDE})).await;
    post.hang(true);
    let app = next.app.clone();
    let sending = tokio::spawn(async move { app.see_to_approvals().await });
    let since = Instant::now();
    while post.mails().len() < 2 {
        assert!(since.elapsed() < WITHIN, "nothing was sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sending.abort();
    assert!(sending.await.is_err());
    post.hang(false);
    let last = house.next_door().await;
    open(&last);
    // another node may still be sending it
    last.app.see_to_approvals().await.expect("a round");
    assert_eq!(post.mails().len(), 2);
    for _ in 0..3 {
        house.pass(301);
        last.app.see_to_approvals().await.expect("a round");
    }
    let mails = post.mails();
    assert_eq!(mails.len(), 3, "{mails:?}");
    assert_eq!(message_id(&mails[1]), message_id(&mails[2]));
    assert_ne!(message_id(&mails[0]), message_id(&mails[1]));
}

/// The real binary, and real mail servers.
struct Office {
    world: World,
    dir: tempfile::TempDir,
    _servers: Mail,
}

/// A server that sends mail over a way to encrypt, with a password.
async fn office(tls: &str, password: &str) -> Office {
    let dir = tempfile::tempdir().expect("a folder");
    let (servers, authority) = servers(dir.path());
    let port = if tls == "tls" { servers.smtp_tls } else { servers.smtp_starttls };
    let world = World::start_with(|setup, folder| {
        setup
            .allow_loopback(folder)
            .env("SSL_CERT_FILE", authority)
            .env("SLUICEGATE_PUBLIC_URL", "http://flows.example.org")
            .env("SLUICEGATE_MAIL_SERVER", format!("localhost:{port}"))
            .env("SLUICEGATE_MAIL_TLS", tls)
            .env("SLUICEGATE_MAIL_FROM", MAIL_USER)
            .env("SLUICEGATE_MAIL_USER", MAIL_USER)
            .env("SLUICEGATE_MAIL_PASSWORD", password)
    })
    .await;
    Office { world, dir, _servers: servers }
}

impl Office {
    /// Has a flow of somebody's ask, and wait; its run.
    async fn ask(self) -> (Office, String) {
        let people = People::meet_in(self.world).await;
        let api = "/providers/Microsoft.PowerApps/apis/shared_approvals";
        let body = json!({"properties": {}});
        let box_of = "apis/shared_approvals/connections/box";
        people.api(OWNER, Method::PUT, box_of, Some(&body), 201).await;
        let operation = "StartAndWaitForAnApproval";
        let action = json!({"Ask": {"type": "OpenApiConnectionWebhook", "runAfter": {}, "inputs": {
            "host": {"connectionName": "box", "operationId": operation, "apiId": api},
            "parameters": {"approvalType": "Basic", "WebhookApprovalCreationInput/title": "Go on?",
                "WebhookApprovalCreationInput/assignedTo": OUTSIDE}}}});
        let references =
            json!({"shared_approvals": {"connectionName": "box", "source": "Embedded", "id": api}});
        let flow = json!({"properties": {"displayName": "Ask", "state": "Started",
            "definition": power(definition(action)), "connectionReferences": references}});
        let flow = people.ask(OWNER, (Method::POST, &people.flows()), Some(&flow), 201).await;
        let name = flow["name"].as_str().expect("a name");
        let path = format!("{}/{name}/triggers/manual/run", people.flows());
        let run = people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
        let run = run["name"].as_str().expect("a run").to_owned();
        (Office { world: people.world, ..self }, run)
    }

    /// The first letter, once it has come.
    async fn letter(&self) -> Letter {
        let since = Instant::now();
        loop {
            if let Some(letter) = letters_in(self.dir.path()).first() {
                return letter.clone();
            }
            assert!(since.elapsed() < WITHIN, "no letter: {}", self.world.server.log_tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.world.setup.log()).expect("the log")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_go_out_encrypted_to_a_server_that_lets_us_in() {
    let (office, _) = office("tls", MAIL_PASSWORD).await.ask().await;
    assert_eq!(office.letter().await.to, [OUTSIDE]);
    // with another password nothing is sent, and the log does not show it
    let (office, _) = self::office("starttls", "wrong horse").await.ask().await;
    let since = Instant::now();
    while !office.log().contains("a letter about an approval did not arrive") {
        assert!(since.elapsed() < WITHIN, "{}", office.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(letters_in(office.dir.path()).is_empty());
    assert!(!office.log().contains("wrong horse"), "{}", office.log());
}

/// A mail server that wants STARTTLS and a password, and a flow that waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_goes_on_by_an_answer_from_the_mail() {
    let (office, run) = office("starttls", MAIL_PASSWORD).await.ask().await;
    let letter = office.letter().await;
    assert_eq!(letter.to, [OUTSIDE]);
    // the server is killed, and the link stays what it was
    let Office { world, dir, _servers } = office;
    let World { server, setup, .. } = world;
    server.kill();
    let world = World::of(setup.start().await, setup);
    let link = letter.link();
    let shown = page(Answer::of(world.api.request(Method::GET, &link)).await);
    assert_eq!(shown.status, 200, "{}", shown.text);
    let mark = hidden(&shown.text).remove(0).1;
    let form = [("mark", mark.as_str()), ("response", "0"), ("comments", "yes")];
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    let request = world.api.request(Method::POST, &link).body(body.finish());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let done = page(Answer::of(request).await);
    assert_eq!(done.status, 200, "{}", done.text);
    let ended = world.api.ended(&run).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    let asked = world.api.get(&format!("/api/v1/runs/{run}/actions/Ask")).await;
    assert_eq!(asked["outputs"]["body"]["outcome"], "Approve", "{asked}");
    let theirs = letters_in(dir.path()).iter().filter(|it| it.to == [OUTSIDE]).count();
    assert_eq!(theirs, 1);
    let log = std::fs::read_to_string(world.setup.log()).expect("the log");
    assert!(!log.contains(MAIL_PASSWORD) && !log.contains("/approvals/respond/"), "{log}");
}
