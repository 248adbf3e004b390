//! What administrators' flows learn of a person: when they first let a program act for them.

use super::ADMINS;
use super::still::Still;
use crate::login::browser::Browser;
use crate::login::code::proven;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn when_somebody_first_consented_is_told_until_it_is_removed() {
    let scene = Still::build(|_| {}).await;
    let house = &scene.house;
    let application = house.public().await;
    let bob = house.user("bob", vec![]).await;
    let connection = scene.connection(ADMINS, "a1").await;
    let user = json!({"userId": bob.id});
    let told = async |consent: Value| {
        let call = ("Get-AdminFlowUserDetails", user.clone());
        let outcomes = scene.calls(&connection, &[call]).await;
        let expected = json!({
            "tenantId": &*house.app.tenant, "puid": null, "objectId": bob.id,
            "isDisallowedForInternalPlans": false, "consentTime": consent,
            "serviceSettingsSelectionTime": null, "consentBusinessAppPlatformTime": null
        });
        assert_eq!((outcomes[0].status, &outcomes[0].body), (200, &expected));
    };
    told(Value::Null).await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = browser.get(house, &path).await;
    let asked = browser.sign_in(house, &path, &page, "bob@example.org").await;
    browser.submit(house, &path, &asked, &vec![("answer", "accept")]).await;
    let then = flow::run::format_time(house.app.engine.clock.now());
    house.pass(3_600);
    told(json!(then)).await;
    let remove = ("Remove-AdminFlowUserDetails", user.clone());
    let outcomes = scene.calls(&connection, &[remove]).await;
    assert_eq!((outcomes[0].status, &outcomes[0].body), (200, &Value::Null));
    told(Value::Null).await;
}
