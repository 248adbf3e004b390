//! Pages, and the answers that their forms give.

use super::{Desk, Letter, OUTSIDE, page};
use crate::login::browser::hidden;
use crate::login::house::root;
use crate::world::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::approval::{ApprovalType, Asking};
use server::app::directory::User;

/// An approval that two people must give, one of them from outside.
struct Chairs {
    desk: Desk,
    id: String,
    ada: User,
    /// Ada's, and the other one's.
    letters: Vec<Letter>,
}

impl Chairs {
    async fn ask() -> Chairs {
        let desk = Desk::open().await;
        let ada = desk.house.user("ada", Vec::new()).await;
        desk.house.user("carl", Vec::new()).await;
        let input = json!({"title": "Neue Stühle", "assignedTo": format!("ada@example.org;{OUTSIDE}"),
            "details": "Zwölf Stück", "requestor": "carl@example.org",
            "itemLink": "https://shop.example/chairs?a=1&b=2",
            "attachments": [{"name": "offer.pdf", "content": "AAECAw=="}]});
        let id = desk.ask(ApprovalType::BasicAwaitAll, input).await;
        let mut letters = desk.letters().await;
        letters.sort_by(|one, other| one.to.cmp(&other.to));
        let to: Vec<&String> = letters.iter().flat_map(|it| &it.to).collect();
        assert_eq!(to, ["ada@example.org", OUTSIDE]);
        Chairs { desk, id, ada, letters }
    }

    async fn state(&self) -> Value {
        self.desk.state(&self.id).await
    }
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
async fn opening_links_and_sending_blindly_decides_nothing() {
    let chairs = Chairs::ask().await;
    let Chairs { desk, letters, ada, .. } = &chairs;
    for letter in letters {
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
        let token = links[0].rsplit('/').next().unwrap();
        let body = token.split('.').next().unwrap();
        let body = URL_SAFE_NO_PAD.decode(body).expect("base64");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(
            !body.contains("ada") && !body.contains("bob") && !body.contains(&ada.id),
            "{body}"
        );
    }
    assert_ne!(letters[0].link(), letters[1].link());
    let before = chairs.state().await;
    scan(desk, letters).await;
    assert_eq!(chairs.state().await, before);
    assert_eq!(desk.answers().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_got_from_the_page_while_the_link_is_of_use() {
    let chairs = Chairs::ask().await;
    let Chairs { desk, letters, .. } = &chairs;
    let link = letters[1].link();
    let token = link.rsplit('/').next().unwrap();
    let shown = desk.get(&link).await;
    let named = format!("<a href=\"{token}/attachments/0\" download>");
    assert!(shown.text.contains(&named), "{}", shown.text);
    let at = format!("{link}/attachments/0");
    let file = Answer::of(desk.house.request(Method::GET, &at)).await;
    assert_eq!((file.status, file.text.as_bytes()), (200, &[0, 1, 2, 3][..]));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"offer.pdf\""));
    assert_eq!(file.header("cache-control"), "no-store");
    for other in ["1", "x", "-1"] {
        assert_eq!(desk.get(&format!("{link}/attachments/{other}")).await.status, 404, "{other}");
    }
    assert_eq!(desk.get(&format!("{link}A/attachments/0")).await.status, 404);
    let answered = desk.submit(&link, &shown, &[("response", "0")]).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    assert_eq!(desk.get(&at).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_what_is_asked_and_takes_only_its_own_form() {
    let chairs = Chairs::ask().await;
    let Chairs { desk, letters, .. } = &chairs;
    let before = chairs.state().await;
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
    assert_eq!(chairs.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_a_page_decides_once() {
    let chairs = Chairs::ask().await;
    let Chairs { desk, letters, ada, id } = &chairs;
    let chosen = letters[0].links()[2].clone();
    let shown = desk.get(&chosen).await;
    let more = [("response", "0"), ("comments", "Gut <b>\r\nund recht")];
    let done = desk.submit(&chosen, &shown, &more).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.text.contains("You answered \u{201c}Approve\u{201d}"), "{}", done.text);
    let after = chairs.state().await;
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
    assert_eq!(chairs.state().await, after);

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
        ("carl@example.org", "Reject: Neue Stühle")
    );
    assert!(letter.links().is_empty() && letter.text.contains(&format!("/console/approvals/{id}")));
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
    let asking = Asking::by_hand(ApprovalType::Basic, serde_json::from_value(input).unwrap());
    let refused = desk.house.app.create_approval(&root(), "default", asking).await.err();
    assert_eq!(refused.expect("a refusal").code, "InvalidApprovalInput");
}
