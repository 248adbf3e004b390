//! Who may act for whom.

use super::browser::{Browser, query};
use super::code::proven;
use super::house::{House, NATIVE, password_form};
use server::auth::caller::{Caller, Role};

#[tokio::test]
async fn who_has_consented_is_not_asked_again_and_others_are() {
    let house = House::open().await;
    let application = house.public().await;
    let ada = house.user("ada", vec![]).await;
    house.user("bob", vec![]).await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let asked = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    let refused = browser.submit(&house, &path, &asked, &vec![("answer", "cancel")]).await;
    assert_eq!(query(&refused)["error"], "access_denied");
    let asked = browser.get(&house, &path).await;
    browser.submit(&house, &path, &asked, &vec![("answer", "accept")]).await;
    assert_eq!(browser.get(&house, &path).await.status, 303);
    // a program that has a password finds the consent too
    house.signed_in(&application, &ada, NATIVE).await;
    assert_eq!(house.audit("Consent").await.len(), 1);
    let mut other = Browser::default();
    let page = other.get(&house, &path).await;
    let asked = other.sign_in(&house, &path, &page, "bob@example.org").await;
    assert!(asked.text.contains("Permission requested"), "{}", asked.text);
    let quiet = format!("{path}&prompt=none");
    assert_eq!(query(&other.get(&house, &quiet).await)["error"], "consent_required");
    let again = browser.get(&house, &format!("{path}&prompt=consent")).await;
    assert!(again.text.contains("Permission requested"), "{}", again.text);
}

#[tokio::test]
async fn when_somebody_first_consented_is_a_fact_that_can_be_removed() {
    let house = House::open().await;
    let application = house.public().await;
    let ada = house.user("ada", vec![]).await;
    let root = Caller::root("test");
    let details = || house.app.get_user_details(&root, &ada.id);
    assert_eq!(details().await.expect("details").consented, None);
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let asked = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    browser.submit(&house, &path, &asked, &vec![("answer", "accept")]).await;
    assert!(details().await.expect("details").consented.is_some());
    house.app.remove_user_details(&root, &ada.id).await.expect("they are removed");
    assert_eq!(details().await.expect("details").consented, None);
    // she is asked again
    let asked = browser.get(&house, &path).await;
    assert!(asked.text.contains("Permission requested"), "{}", asked.text);
}

#[tokio::test]
async fn an_administrator_consents_for_everybody() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("root", vec![Role::TenantAdministrator]).await;
    let bob = house.user("bob", vec![]).await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let asked = browser.sign_in(&house, &path, &page, "root@example.org").await;
    assert!(asked.text.contains("on behalf of your organization"), "{}", asked.text);
    let more = vec![("answer", "accept"), ("organization", "yes")];
    let back = browser.submit(&house, &path, &asked, &more).await;
    assert_eq!(back.status, 303, "{back:?}");
    assert_eq!(house.audit("ConsentForOrganization").await.len(), 1);
    house.signed_in(&application, &bob, NATIVE).await;
    let mut other = Browser::default();
    let page = other.get(&house, &path).await;
    let back = other.sign_in(&house, &path, &page, "bob@example.org").await;
    assert_eq!(back.status, 303, "{back:?}");
}

#[tokio::test]
async fn nobody_else_consents_for_everybody() {
    let house = House::open().await;
    let application = house.public().await;
    let ada = house.user("ada", vec![Role::EnvironmentAdministrator("default".into())]).await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let asked = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    assert!(!asked.text.contains("organization"), "{}", asked.text);
    let more = vec![("answer", "accept"), ("organization", "yes")];
    let answer = browser.submit(&house, &path, &asked, &more).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let form = password_form(&application, &ada, NATIVE);
    let form = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.refused(&form, 400, "invalid_grant", 65_001).await;
}
