//! Failures of runs are told: by mail to the owners, by a call of a webhook, the first soon
//! and others together.

use crate::login::house::{House, root};
use crate::stored::{ask, ends};
use crate::support::stub::Stub;
use crate::world::{World, compose, definition, echo};
use reqwest::Method;
use serde_json::{Value, json};
use server::app::access::{Act, FlowAt, Scope};
use server::app::facts::{PrincipalKind, Share};
use server::app::flow::FlowInput;
use server::app::notification::Channel;
use server::app::owner::Grant;
use server::app::trigger::ManualInput;
use server::auth::caller::Caller;
use server::config::{MailConfig, MailTls};
use server::mail::Mailer;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HOUR: i64 = 3_600;

/// A mail server in this process: it keeps what it takes, and refuses when it is told to.
#[derive(Clone, Default)]
pub struct Post {
    taken: Arc<Mutex<Vec<String>>>,
    refuses: Arc<Mutex<bool>>,
    /// Takes mail and never says so.
    hangs: Arc<Mutex<bool>>,
}

impl Post {
    pub async fn open() -> (Post, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let post = Post::default();
        let shared = post.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let post = shared.clone();
                // an error is a caller that went away
                tokio::spawn(async move {
                    let _ = post.serve(socket).await;
                });
            }
        });
        (post, address)
    }

    async fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        let (reading, mut writing) = socket.into_split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(b"220 here\r\n").await?;
        let (mut head, mut is_text, mut text) = (String::new(), false, String::new());
        while let Some(line) = lines.next_line().await? {
            if is_text {
                if line == "." {
                    is_text = false;
                    let refuses = *self.refuses.lock().expect("a switch");
                    if !refuses {
                        let whole = format!("{head}{text}");
                        self.taken.lock().expect("the mails").push(whole);
                    }
                    if *self.hangs.lock().expect("a switch") {
                        std::future::pending::<()>().await;
                    }
                    let answer = if refuses { "451 not now\r\n" } else { "250 taken\r\n" };
                    writing.write_all(answer.as_bytes()).await?;
                } else {
                    text.push_str(&line);
                    text.push('\n');
                }
                continue;
            }
            let answer = if line == "DATA" {
                is_text = true;
                "354 go on\r\n"
            } else if line == "QUIT" {
                "221 bye\r\n"
            } else {
                head.push_str(&line);
                head.push('\n');
                "250 fine\r\n"
            };
            writing.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    pub fn mails(&self) -> Vec<String> {
        self.taken.lock().expect("the mails").clone()
    }

    pub fn hang(&self, hangs: bool) {
        *self.hangs.lock().expect("a switch") = hangs;
    }

    fn refuse(&self, refuses: bool) {
        *self.refuses.lock().expect("a switch") = refuses;
    }
}

fn at(name: &str) -> FlowAt<'_> {
    FlowAt { environment: "default", name, scope: Scope::Any }
}

/// What sends mail to a server without encryption.
pub fn mailer(address: SocketAddr) -> Mailer {
    let config = MailConfig {
        server: address.ip().to_string(),
        port: Some(address.port()),
        from: "Flows <flows@example.org>".to_owned(),
        tls: MailTls::None,
        credentials: None,
    };
    Mailer::new(&config).expect("a mailer")
}

/// A house with a mail server, in which failures are told from now on.
async fn house() -> (House, Post) {
    let (post, address) = Post::open().await;
    let house = House::open().await;
    house.app.notices.set(Some(mailer(address)), Duration::from_secs(3_600));
    house.app.engine.join().await.expect("partitions");
    house.app.notify().await.expect("a round");
    (house, post)
}

async fn failing_flow(house: &House, owner: &Caller, name: &str) {
    let document = definition(json!({"Fails": compose("", json!("@int('x')"))}));
    let document = document.to_string().into_bytes();
    let input = FlowInput { name: Some(name.to_owned()), document, ..FlowInput::default() };
    house.app.create_flow(owner, "default", input).await.expect("a flow");
}

async fn fail(house: &House, owner: &Caller, name: &str, times: usize) {
    for _ in 0..times {
        let run = house.app.run_flow(owner, "default", name, None, ManualInput::default()).await;
        run.expect("a run");
    }
}

/// Lets time pass, and what failed be told.
async fn round(house: &House, seconds: i64) {
    house.pass(seconds);
    house.app.notify().await.expect("a round");
}

#[tokio::test]
async fn owners_get_the_first_failure_soon_and_others_together() {
    let (house, post) = house().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    failing_flow(&house, &ada, "order").await;
    failing_flow(&house, &ada, "quiet").await;
    let mail = Some(Channel::Mail);
    house.app.set_notifications(&ada, at("order"), mail).await.expect("set");
    fail(&house, &ada, "order", 1).await;
    fail(&house, &ada, "quiet", 1).await;
    round(&house, 60).await;
    let mails = post.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for part in ["RCPT TO:<ada@example.org>", "A run of order failed", "/api/v1/runs/0"] {
        assert!(mails[0].contains(part), "{part}: {}", mails[0]);
    }
    assert!(!mails[0].contains("quiet"), "{}", mails[0]);
    // others come together, an hour later
    fail(&house, &ada, "order", 2).await;
    round(&house, 60).await;
    fail(&house, &ada, "order", 1).await;
    round(&house, 60).await;
    assert_eq!(post.mails().len(), 1);
    round(&house, HOUR).await;
    let mails = post.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(mails[1].contains("3 runs of order failed"), "{}", mails[1]);
    // nothing more: nothing more failed
    round(&house, 2 * HOUR).await;
    house.app.set_notifications(&ada, at("order"), None).await.expect("set");
    fail(&house, &ada, "order", 1).await;
    round(&house, 2 * HOUR).await;
    assert_eq!(post.mails().len(), 2);
}

#[tokio::test]
async fn a_mail_that_is_refused_goes_again_under_the_same_id() {
    let (house, post) = house().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    failing_flow(&house, &ada, "order").await;
    let mail = Some(Channel::Mail);
    house.app.set_notifications(&ada, at("order"), mail).await.expect("set");
    post.refuse(true);
    fail(&house, &ada, "order", 1).await;
    round(&house, 60).await;
    fail(&house, &ada, "order", 4).await;
    round(&house, 61).await;
    assert!(post.mails().is_empty());
    post.refuse(false);
    // two nodes look at the same moment
    house.pass(200);
    let other = house.app.clone();
    let (one, two) = tokio::join!(house.app.notify(), other.notify());
    one.and(two).expect("rounds");
    let mails = post.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("A run of order failed"), "{}", mails[0]);
    round(&house, HOUR).await;
    let mails = post.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[1].contains("4 runs of order failed"), "{}", mails[1]);
    let id = |mail: &str| {
        let line = mail.lines().find(|line| line.starts_with("Message-ID: "));
        line.expect("an id").to_owned()
    };
    assert_ne!(id(&mails[0]), id(&mails[1]));
}

#[tokio::test]
async fn members_of_a_group_that_owns_a_flow_are_told_each_once() {
    let (house, post) = house().await;
    let (user, bob) = (house.user("ada", Vec::new()).await, house.user("bob", Vec::new()).await);
    let eve = house.user("eve", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    failing_flow(&house, &ada, "order").await;
    let mut groups = Vec::new();
    for (name, members) in [("makers", [&user.id, &bob.id]), ("guests", [&eve.id, &eve.id])] {
        let group = house.app.create_group(&root(), name, Vec::new()).await.expect("a group");
        let members = members.map(Clone::clone);
        house.app.change_members(&root(), &group.id, &members, &[]).await.expect("members");
        groups.push(group.id);
    }
    let grant = |principal: &String, kind, share| Grant {
        principal: Some(principal.clone()),
        name: None,
        kind,
        share,
    };
    let grants = vec![
        grant(&groups[0], PrincipalKind::Group, Share::CanEdit),
        grant(&bob.id, PrincipalKind::User, Share::CanEdit),
        // who may only run it is not told
        grant(&groups[1], PrincipalKind::Group, Share::CanView),
    ];
    let change = (grants, Vec::new());
    house.app.modify_owners(&ada, Act::MODIFY_OWNERS, at("order"), change).await.expect("set");
    let mail = Some(Channel::Mail);
    house.app.set_notifications(&ada, at("order"), mail).await.expect("set");
    fail(&house, &ada, "order", 1).await;
    round(&house, 60).await;
    let mails = post.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    for name in ["ada", "bob"] {
        let to = format!("RCPT TO:<{name}@example.org>");
        let theirs: Vec<&String> = mails.iter().filter(|mail| mail.contains(&to)).collect();
        assert_eq!(theirs.len(), 1, "{name}: {mails:?}");
        assert!(theirs[0].contains("A run of order failed"), "{}", theirs[0]);
    }
}

#[tokio::test]
async fn a_webhook_is_called_with_counts_and_links() {
    let (house, _) = house().await;
    let stub = Stub::start().await;
    failing_flow(&house, &root(), "order").await;
    let url = format!("http://{}/hook", stub.addr);
    let channel = Some(Channel::Webhook { url });
    house.app.set_notifications(&root(), at("order"), channel).await.expect("set");
    fail(&house, &root(), "order", 3).await;
    round(&house, 60).await;
    let calls = stub.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let body = &calls[0].body;
    assert_eq!(calls[0].path, "/hook");
    assert_eq!(calls[0].key.as_deref(), body["id"].as_str());
    let failure = &body["failures"][0];
    assert_eq!((&failure["displayName"], &failure["count"]), (&json!("order"), &json!(3)));
    let link = failure["lastRun"]["link"].as_str().expect("a link");
    let run = failure["lastRun"]["id"].as_str().expect("a run");
    assert!(link.ends_with(&format!("/api/v1/runs/{run}")), "{link}");
    // where the guard lets nobody go, nothing is told
    let channel = Some(Channel::Webhook { url: "http://10.0.0.1/hook".to_owned() });
    house.app.set_notifications(&root(), at("order"), channel).await.expect("set");
    fail(&house, &root(), "order", 1).await;
    round(&house, 2 * HOUR).await;
    assert_eq!(stub.calls().len(), 1);
}

#[tokio::test]
async fn who_is_told_is_said_for_each_flow() {
    let world = World::start().await;
    world.create("order", &echo()).await;
    let path = "/api/v1/flows/order/notifications";
    assert_eq!(world.api.get(path).await, json!({"onFailure": "none"}));
    let hook = json!({"onFailure": "webhook", "url": "https://example.org/hook"});
    assert_eq!(world.call(Method::PUT, path, hook.clone(), 200).await, hook);
    assert_eq!(world.api.get(path).await, hook);
    let refused: [(Value, &str); 5] = [
        (json!({"onFailure": "mail"}), "MailNotConfigured"),
        (json!({"onFailure": "letter"}), "InvalidNotifications"),
        (json!({"onFailure": "webhook"}), "InvalidNotifications"),
        (json!({"onFailure": "webhook", "url": "file:///x"}), "InvalidNotifications"),
        (json!({"onFailure": "none", "url": "https://x"}), "InvalidNotifications"),
    ];
    for (body, code) in refused {
        let answer = world.call(Method::PUT, path, body, 400).await;
        assert_eq!(answer["error"]["code"], code);
    }
    let none = json!({"onFailure": "none"});
    assert_eq!(world.call(Method::PUT, path, none.clone(), 200).await, none);
    let entries = world.api.list("/api/v1/audit?operation=SetFlowNotifications").await;
    let details: Vec<&Value> = entries.iter().map(|it| &it["detail"]).collect();
    let (back, there) = (
        json!({"before": "webhook", "after": "none"}),
        json!({"before": "none", "after": "webhook"}),
    );
    assert_eq!(details, [&back, &there]);
    let line = ["flow", "notify", "order", "--on-failure", "webhook", "--url"];
    ends(0, ask(&world, &[&line[..], &["https://example.org/hook"]].concat()));
    assert!(ends(0, ask(&world, &line[..3])).contains("https://example.org/hook"));
    world.call(Method::DELETE, "/api/v1/flows/order?purge=true", json!(null), 204).await;
}
