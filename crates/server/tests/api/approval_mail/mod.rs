//! Approvals by mail: letters that a real SMTP server takes, their links, and the pages these
//! lead to, over real HTTP.

mod answer;
mod choice;
mod fault;
mod letter;

use crate::login::browser::hidden;
use crate::login::house::{House, root};
use crate::notification::mailer;
use crate::world::Answer;
use mail_parser::MessageParser;
use reqwest::Method;
use rig::{Authority, Mail};
use serde_json::Value;
use server::app::approval::{AnswerInput, ApprovalType, Asking};
use server::app::directory::User;
use server::auth::caller::Caller;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);
const OUTSIDE: &str = "bob@partner.example";

/// A house with a mail server, and what the server has taken.
struct Desk {
    house: House,
    dir: tempfile::TempDir,
    _servers: Mail,
}

/// A letter as it arrived.
#[derive(Clone, Debug)]
struct Letter {
    to: Vec<String>,
    subject: String,
    id: String,
    text: String,
    html: String,
    head: String,
}

impl Letter {
    fn read(path: &Path) -> Letter {
        let raw = std::fs::read(path).expect("a letter");
        let message = MessageParser::default().parse(&raw).expect("a message");
        let text = String::from_utf8_lossy(&raw).replace("\r\n", "\n");
        let (head, _) = text.split_once("\n\n").expect("a head");
        let to = head.lines().filter_map(|line| line.strip_prefix("X-Envelope-To: "));
        Letter {
            to: to.map(str::to_owned).collect(),
            subject: message.subject().expect("a subject").to_owned(),
            id: message.message_id().expect("an id").to_owned(),
            text: message.body_text(0).expect("a text").replace("\r\n", "\n"),
            html: message.body_html(0).expect("a document").into_owned(),
            head: head.to_owned(),
        }
    }

    /// Path and query of every link to answer by, as the text has them.
    fn links(&self) -> Vec<String> {
        let words = self.text.split_whitespace();
        let links = words.filter_map(|it| it.split_once("/approvals/respond/"));
        links.map(|(_, token)| format!("/approvals/respond/{token}")).collect()
    }

    /// The one without a choice.
    fn link(&self) -> String {
        self.links().first().expect("a link").clone()
    }
}

fn letters_in(dir: &Path) -> Vec<Letter> {
    let files = std::fs::read_dir(dir.join("mail/new")).expect("the mailbox");
    files.map(|file| Letter::read(&file.expect("a file").path())).collect()
}

fn servers(dir: &Path) -> (Mail, PathBuf) {
    let authority = Authority::create(dir).expect("an authority");
    let certificate = authority.issue("mail", &["localhost"]).expect("a certificate");
    let servers = Mail::start(dir, &certificate).expect("the mail servers");
    (servers, authority.certificate().to_owned())
}

impl Desk {
    async fn open() -> Desk {
        Desk::open_in(House::open().await).await
    }

    async fn open_in(house: House) -> Desk {
        let dir = tempfile::tempdir().expect("a folder");
        let (servers, _) = servers(dir.path());
        let address = SocketAddr::from(([127, 0, 0, 1], servers.smtp_plain));
        house.app.notices.set(Some(mailer(address)), Duration::from_secs(3_600));
        Desk { house, dir, _servers: servers }
    }

    /// Asks for an approval; its id.
    async fn ask(&self, approval_type: ApprovalType, input: Value) -> String {
        ask(&self.house, approval_type, input).await
    }

    /// Sends what is to be sent; the letters that came by it.
    async fn letters(&self) -> Vec<Letter> {
        let before: BTreeSet<String> =
            letters_in(self.dir.path()).into_iter().map(|it| it.id).collect();
        self.house.app.see_to_approvals().await.expect("a round");
        let mut new = letters_in(self.dir.path());
        new.retain(|it| !before.contains(&it.id));
        new
    }

    /// The same when there is one.
    async fn letter(&self) -> Letter {
        let letters = self.letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters[0].clone()
    }

    async fn get(&self, path: &str) -> Answer {
        page(Answer::of(self.house.request(Method::GET, path)).await)
    }

    /// Sends the form of a page with more fields.
    async fn submit(&self, path: &str, shown: &Answer, more: &[(&str, &str)]) -> Answer {
        let hidden = hidden(&shown.text);
        assert!(!hidden.is_empty(), "no form: {}", shown.text);
        let fields = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = fields.chain(more.iter().copied()).collect();
        page(self.house.post(path, &form).await)
    }

    /// Everything that is kept of an approval.
    async fn state(&self, id: &str) -> Value {
        let view = self.house.app.get_approval(&root(), id).await.expect("the approval");
        serde_json::to_value(&view.record.value).expect("JSON")
    }

    /// Who answered, by the audit.
    async fn answers(&self) -> Vec<(String, Value)> {
        let filter = store::AuditFilter {
            operation: Some("AnswerApproval".to_owned()),
            rows_max: 100,
            ..store::AuditFilter::default()
        };
        let rows = self.house.app.engine.store.audit(filter).await.expect("the audit");
        let content = |it: &store::AuditRow| serde_json::from_slice(&it.content).expect("JSON");
        rows.iter().map(|it| (it.actor.clone(), content(it))).collect()
    }

    /// A page that only says something.
    async fn says(&self, path: &str, status: u16, text: &str) {
        let shown = self.get(path).await;
        assert_eq!(shown.status, status, "{path}: {}", shown.text);
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
        assert!(!shown.text.contains("<form"), "{}", shown.text);
        let form = vec![("response", "0"), ("mark", "1.x")];
        let sent = page(self.house.post(path, &form).await);
        assert_eq!(sent.status, status, "{path}: {}", sent.text);
        assert!(sent.text.contains(text), "{text}: {}", sent.text);
    }
}

async fn ask(house: &House, approval_type: ApprovalType, input: Value) -> String {
    let input = serde_json::from_value(input).expect("an input");
    let asking = Asking::by_hand(approval_type, input);
    let made = house.app.create_approval(&root(), "default", asking).await.expect("an approval");
    let made = serde_json::to_value(&made.value).expect("JSON");
    made["id"].as_str().expect("an id").to_owned()
}

fn person(user: &User) -> Caller {
    Caller::person(&user.id, Vec::new(), Vec::new())
}

fn answer(option: &str) -> AnswerInput {
    AnswerInput {
        assignee: None,
        option: option.to_owned(),
        comments: None,
        via: governance::approval::Via::Api,
    }
}

/// Every page is whole, without script, in no frame and for no cache.
fn page(answer: Answer) -> Answer {
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.text.contains("<script"), "{}", answer.text);
    answer
}
