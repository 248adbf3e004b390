//! Answers that the browser posts to the application.

use super::browser::{Browser, hidden, query};
use super::code::{BACK, VERIFIER, form, proven};
use super::house::House;
use crate::world::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use server::app::directory::Application;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

async fn prepared() -> (House, Application) {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    house.consent(&application).await;
    (house, application)
}

/// The fields of the form that goes to the application.
fn posted(page: &Answer) -> BTreeMap<String, String> {
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains(&format!("action=\"{BACK}\"")), "{}", page.text);
    // without script there is a button
    assert!(page.text.contains("<button type=\"submit\">"), "{}", page.text);
    hidden(&page.text).into_iter().collect()
}

#[tokio::test]
async fn a_code_comes_as_a_form_that_sends_itself() {
    let (house, application) = prepared().await;
    let path = format!("{}&response_mode=form_post", proven(&application));
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let back = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    let fields = posted(&back);
    assert_eq!(fields["state"], "of the program");
    house.granted(&form(&application, &fields["code"], VERIFIER)).await;
    let policy = back.header("content-security-policy");
    let script = back.text.split("<script>").nth(1).and_then(|it| it.split("</script>").next());
    let hash = STANDARD.encode(Sha256::digest(script.expect("a script")));
    assert!(policy.contains(&format!("script-src 'sha256-{hash}';")), "{policy}");
    assert!(policy.contains(&format!("form-action 'self' {BACK};")), "{policy}");
}

#[tokio::test]
async fn refusals_come_the_same_way_and_hold_no_markup() {
    let (house, application) = prepared().await;
    let quiet = format!("{}&response_mode=form_post&prompt=none", proven(&application));
    let quiet = quiet.replace("state=of+the+program", "state=%22%3E%3Cb%3E");
    let page = Browser::default().get(&house, &quiet).await;
    let fields = posted(&page);
    assert_eq!(fields["error"], "login_required");
    assert_eq!(fields["state"], "&quot;&gt;&lt;b&gt;");
    assert!(!page.text.contains("<b>"), "{}", page.text);
}

#[tokio::test]
async fn other_ways_are_the_fragment_and_the_query_and_no_more() {
    let (house, application) = prepared().await;
    let path = format!("{}&response_mode=fragment&prompt=none", proven(&application));
    let back = Browser::default().get(&house, &path).await;
    let location = back.header("location");
    assert!(location.contains("#error=login_required") && !location.contains('?'), "{location}");
    let path = format!("{}&response_mode=web_message", proven(&application));
    let back = query(&Browser::default().get(&house, &path).await);
    assert_eq!(back["error"], "unsupported_response_type");
}
