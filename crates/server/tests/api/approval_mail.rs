//! Approvals by mail: letters that a real SMTP server takes, their links, and the pages these
//! lead to, over real HTTP.

use crate::connector_call::power;
use crate::login::browser::hidden;
use crate::login::house::{House, root};
use crate::notification::{Post, mailer};
use crate::people::{OWNER, People};
use crate::world::{Answer, World, definition};
use mail_parser::MessageParser;
use reqwest::Method;
use rig::mail::{MAIL_PASSWORD, MAIL_USER};
use rig::{Authority, Mail};
use serde_json::{Value, json};
use server::app::approval::{AnswerInput, ApprovalType, Asking};
use server::app::directory::User;
use server::auth::caller::Caller;
use server::limits::{APPROVAL_FORM_SECONDS, APPROVAL_LINK_SECONDS};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
        let dir = tempfile::tempdir().expect("a folder");
        let (servers, _) = servers(dir.path());
        let house = House::open().await;
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
    let asking = Asking { approval_type, input, flow: None, key: None };
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

/// All that programs do which look at mail, and more.
async fn scan(desk: &Desk, letters: &[Letter]) {
    for letter in letters {
        for link in letter.links() {
            for method in [Method::GET, Method::HEAD] {
                let answer = Answer::of(desk.house.request(method, &link)).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            let other =
                desk.get(&letters.iter().find(|it| it.id != letter.id).unwrap().link()).await;
            let foreign = hidden(&other.text).remove(0).1;
            let token = link.rsplit('/').next().unwrap().to_owned();
            for form in [
                vec![],
                vec![("response", "0")],
                vec![("response", "Approve")],
                vec![("response", "Approve"), ("mark", "")],
                vec![("response", "0"), ("mark", "99999999999.x")],
                vec![("response", "0"), ("mark", token.as_str())],
                // the form of somebody else's page
                vec![("response", "0"), ("mark", foreign.as_str())],
            ] {
                let answer = page(desk.house.post(&link, &form).await);
                assert_eq!(answer.status, 400, "{form:?}: {answer:?}");
                assert!(answer.text.contains("Nothing was answered"), "{}", answer.text);
            }
            let request = desk.house.request(Method::POST, &link).json(&json!({"response": "0"}));
            assert_eq!(page(Answer::of(request).await).status, 400);
            for method in [Method::PUT, Method::PATCH, Method::DELETE] {
                let answer = Answer::of(desk.house.request(method, &link)).await;
                assert_eq!(answer.status, 405, "{answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_decides_nothing_and_the_form_of_its_page_once() {
    let desk = Desk::open().await;
    let ada = desk.house.user("ada", Vec::new()).await;
    let carl = desk.house.user("carl", Vec::new()).await;
    let input = json!({"title": "Neue Stühle", "assignedTo": format!("ada@example.org;{OUTSIDE}"),
        "details": "Zwölf Stück", "requestor": "carl@example.org",
        "itemLink": "https://shop.example/chairs?a=1&b=2",
        "attachments": [{"name": "offer.pdf", "content": "AAECAw=="}]});
    let id = desk.ask(ApprovalType::BasicAwaitAll, input).await;
    let mut letters = desk.letters().await;
    letters.sort_by(|one, other| one.to.cmp(&other.to));
    let to: Vec<&String> = letters.iter().flat_map(|it| &it.to).collect();
    assert_eq!(to, ["ada@example.org", OUTSIDE]);
    for letter in &letters {
        assert_eq!(letter.subject, "Approval requested: Neue Stühle");
        assert!(letter.head.contains("\nAuto-Submitted: auto-generated"), "{}", letter.head);
        assert!(letter.text.contains("> Zwölf Stück"), "{}", letter.text);
        assert!(letter.html.contains("Zwölf Stück"), "{}", letter.html);
        // one for the page, one for each option; the same ones in both parts
        let links = letter.links();
        assert_eq!(links.len(), 3, "{}", letter.text);
        assert!(links[1].ends_with("?response=Approve"), "{links:?}");
        assert!(links.iter().all(|it| letter.html.contains(&format!("{it}\""))), "{}", letter.html);
        // who it is for is not in it
        use base64::Engine as _;
        let token = links[0].rsplit('/').next().unwrap();
        let body = token.split('.').next().unwrap();
        let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).expect("base64");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(
            !body.contains("ada") && !body.contains("bob") && !body.contains(&ada.id),
            "{body}"
        );
    }
    assert_ne!(letters[0].link(), letters[1].link());
    let before = desk.state(&id).await;
    scan(&desk, &letters).await;
    assert_eq!(desk.state(&id).await, before);
    assert_eq!(desk.answers().await, []);

    // a person reads the page, and answers
    let (link, chosen) = (letters[0].link(), letters[0].links()[2].clone());
    let shown = desk.get(&chosen).await;
    for part in [
        "Neue Stühle",
        "Zwölf Stück",
        "carl",
        "offer.pdf",
        "(4 B)",
        "You have chosen",
        "https://shop.example/chairs?a=1&amp;b=2",
        "rel=\"noopener noreferrer\"",
        "lang=\"en\"",
        "<label for=\"comments\">",
        "value=\"1\" class=\"chosen\">Reject<",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let more = [("response", "0"), ("comments", "Gut <b>\r\nund recht")];
    for site in ["cross-site", "same-site"] {
        let mark = hidden(&shown.text).remove(0).1;
        let form = vec![("mark", mark.as_str()), ("response", "0")];
        let request = desk.house.filled(&link, &form).header("sec-fetch-site", site);
        assert_eq!(page(Answer::of(request).await).status, 403);
    }
    // an option that is none, and too long a comment
    let many = "ä".repeat(8_200);
    for more in [[("response", "2"), ("comments", "x")], [("response", "0"), ("comments", &many)]] {
        assert_eq!(desk.submit(&chosen, &shown, &more).await.status, 400);
    }
    assert_eq!(desk.state(&id).await, before);
    let done = desk.submit(&chosen, &shown, &more).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.text.contains("You answered \u{201c}Approve\u{201d}"), "{}", done.text);
    let after = desk.state(&id).await;
    let answered = &after["state"]["tasks"][0]["state"]["answered"];
    assert_eq!(
        (&answered["option"], &answered["by"]),
        (&json!("Approve"), &json!(ada.id)),
        "{after}"
    );
    assert_eq!(after["state"]["comments"][0]["content"]["text"], "Gut <b>\nund recht");
    let history = after["state"]["history"].as_array().expect("a history");
    assert!(history.iter().any(|it| it["what"]["via"] == "mail"), "{history:?}");
    let answers = desk.answers().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(
        (answers[0].0.as_str(), &answers[0].1["response"]),
        (ada.id.as_str(), &json!("Approve"))
    );

    // once more, with the same form and without
    let again = desk.submit(&chosen, &shown, &[("response", "1")]).await;
    assert_eq!(again.status, 410, "{}", again.text);
    for link in letters[0].links() {
        desk.says(&link, 410, "It was answered already: \u{201c}Approve\u{201d}").await;
    }
    assert_eq!(desk.state(&id).await, after);

    // somebody who is not in the directory
    let link = letters[1].link();
    let shown = desk.get(&link).await;
    assert!(shown.text.contains(OUTSIDE), "{}", shown.text);
    let (one, other) = tokio::join!(
        desk.submit(&link, &shown, &[("response", "1")]),
        desk.submit(&link, &shown, &[("response", "1")])
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    let answers = desk.answers().await;
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().any(|it| it.0.starts_with("outside:")), "{answers:?}");
    // who asked hears of it, and has nothing to answer
    let letter = desk.letter().await;
    assert_eq!(
        (letter.to[0].as_str(), letter.subject.as_str()),
        (carl.user_principal_name.as_str(), "Reject: Neue Stühle")
    );
    assert!(letter.links().is_empty() && letter.text.contains(&format!("/console/approvals/{id}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_of_no_use_says_why() {
    let desk = Desk::open().await;
    let (ada, eve) =
        (desk.house.user("ada", Vec::new()).await, desk.house.user("eve", Vec::new()).await);
    let app = &desk.house.app;
    let input = |title: &str, to: &str| json!({"title": title, "assignedTo": to});
    let first = desk.ask(ApprovalType::Basic, input("First", "ada@example.org")).await;
    let letter = desk.letter().await;
    let link = letter.link();
    // forged: any character is another
    let token = link.strip_prefix("/approvals/respond/").expect("a link");
    for place in 0..token.len() {
        let mut other: Vec<u8> = token.bytes().collect();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        let shown = desk.get(&format!("/approvals/respond/{other}")).await;
        assert_eq!(shown.status, 404, "{place}");
        assert!(shown.text.contains("not one that this server has sent"), "{}", shown.text);
        assert!(!shown.text.contains("First"), "{}", shown.text);
    }
    let (body, mark) = token.split_once('.').unwrap();
    let long = "A".repeat(10_000);
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

    // the same person is asked by two stages: each link is for its own
    desk.letters().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wrote_is_shown_as_text() {
    let desk = Desk::open().await;
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    let input = json!({
        "title": format!("{hostile}\r\nBcc: eve@example.org\r\n\r\n{hostile}"),
        "details": format!("{hostile}\r\n.\r\nMAIL FROM:<eve@example.org>\r\n[x](javascript:alert(3))"),
        "assignedTo": OUTSIDE, "itemLink": "https://x.example/\"><script>alert(4)</script>",
        "itemLinkDescription": hostile,
        "responseOptions": [hostile, "Ja, \"gern\" & {}", "Nein\r\n{option}"],
        "attachments": [{"name": hostile, "content": ""}],
    });
    let id = desk.ask(ApprovalType::CustomResponse, input).await;
    let letter = desk.letter().await;
    assert_eq!(letter.to, [OUTSIDE]);
    assert!(letter.subject.starts_with("Approval requested: <script>alert(1)"), "{letter:?}");
    assert!(!letter.head.to_lowercase().contains("\nbcc:"), "{}", letter.head);
    assert!(!letter.html.contains("<script") && !letter.html.contains("<img"), "{}", letter.html);
    assert_eq!(letter.links().len(), 4, "{}", letter.text);
    for (number, link) in letter.links().iter().enumerate() {
        let shown = desk.get(link).await;
        assert_eq!(shown.status, 200);
        assert!(
            !shown.text.contains("<img") && !shown.text.contains("href=\"javascript"),
            "{}",
            shown.text
        );
        assert!(shown.text.contains("&lt;script&gt;alert(1)"), "{}", shown.text);
        assert_eq!(shown.text.contains("class=\"chosen\""), number > 0, "{link}: {}", shown.text);
    }
    // an unknown choice chooses nothing
    let link = letter.link();
    let shown = desk.get(&format!("{link}?response=%3Cb%3E&x=1&x=2")).await;
    assert!(
        !shown.text.contains("class=\"chosen\"") && !shown.text.contains("<b>"),
        "{}",
        shown.text
    );
    // in German, for who reads that
    let request =
        desk.house.request(Method::GET, &link).header("accept-language", "de-CH,en;q=0.3");
    let german = page(Answer::of(request).await);
    for part in ["lang=\"de\"", "Ihre Antwort", "Einzelheiten"] {
        assert!(german.text.contains(part), "{part}: {}", german.text);
    }
    let done = desk.submit(&link, &shown, &[("response", "2"), ("comments", hostile)]).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let state = desk.state(&id).await;
    assert_eq!(state["state"]["standing"]["decided"]["outcome"], "Nein\r\n{option}");
    desk.says(&link, 410, "It was answered already").await;
    // an address that would run something is none
    let input = json!({"title": "T", "assignedTo": OUTSIDE, "itemLink": "javascript:alert(1)"});
    let asking = Asking {
        approval_type: ApprovalType::Basic,
        input: serde_json::from_value(input).unwrap(),
        flow: None,
        key: None,
    };
    let refused = desk.house.app.create_approval(&root(), "default", asking).await.err();
    assert_eq!(refused.expect("a refusal").code, "InvalidApprovalInput");
}

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

/// The real binary, a mail server that wants STARTTLS and a password, and a flow that waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_goes_on_by_an_answer_from_the_mail() {
    let dir = tempfile::tempdir().expect("a folder");
    let (servers, authority) = servers(dir.path());
    let first = World::start_with(|setup, folder| {
        setup
            .allow_loopback(folder)
            .env("SSL_CERT_FILE", authority)
            .env("SLUICEGATE_MAIL_SERVER", format!("localhost:{}", servers.smtp_starttls))
            .env("SLUICEGATE_PUBLIC_URL", "http://flows.example.org")
            .env("SLUICEGATE_MAIL_TLS", "starttls")
            .env("SLUICEGATE_MAIL_FROM", MAIL_USER)
            .env("SLUICEGATE_MAIL_USER", MAIL_USER)
            .env("SLUICEGATE_MAIL_PASSWORD", MAIL_PASSWORD)
    })
    .await;
    let people = People::meet_in(first).await;
    let api = "/providers/Microsoft.PowerApps/apis/shared_approvals";
    let body = json!({"properties": {}});
    let box_of = "apis/shared_approvals/connections/box";
    people.api(OWNER, Method::PUT, box_of, Some(&body), 201).await;
    let action = json!({"Ask": {"type": "OpenApiConnectionWebhook", "runAfter": {}, "inputs": {
        "host": {"connectionName": "box", "operationId": "StartAndWaitForAnApproval", "apiId": api},
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
    let first = people.world;
    let since = Instant::now();
    let letter = loop {
        if let Some(letter) = letters_in(dir.path()).first() {
            break letter.clone();
        }
        if since.elapsed() > WITHIN {
            let asked = first.api.get(&format!("/api/v1/runs/{run}/actions/Ask")).await;
            panic!("no letter: {asked}: {}", first.server.log_tail());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(letter.to, [OUTSIDE]);
    // the server is killed, and the link stays what it was
    let World { server, setup, .. } = first;
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
