//! A secret or a password for a token.

use super::house::{House, MANAGEMENT, NATIVE, PASSWORD, password_form, refused, root, said};
use serde_json::json;

#[tokio::test]
async fn a_secret_gets_a_token_of_the_application() {
    let house = House::open().await;
    let (application, secret) = house.confidential().await;
    let form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &application.client_id),
        ("client_secret", &secret),
        ("scope", MANAGEMENT),
    ];
    let answer = house.token(&form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3_599);
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let said = said(answer["access_token"].as_str().unwrap());
    assert_eq!(said["aud"], "https://management.azure.com/");
    assert_eq!(said["iss"], format!("https://sts.windows.net/{}/", house.app.tenant));
    assert_eq!(said["oid"], json!(application.id));
    assert_eq!(said["appid"], json!(application.client_id));
    assert_eq!(said["app_displayname"], "Nightly <import>");
    assert!(said.get("idtyp").is_none() && said.get("upn").is_none());
    assert_eq!(house.audit("SignIn").await[0]["grant"], "client_credentials");
}

#[tokio::test]
async fn a_wrong_secret_gets_nothing() {
    let house = House::open().await;
    let (application, secret) = house.confidential().await;
    let id = application.client_id.as_str();
    let form = |id, secret| {
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", MANAGEMENT),
        ]
    };
    house.refused(&form(id, "guess"), 401, "invalid_client", 7_000_215).await;
    let nobody = "99999999-9999-4999-8999-999999999999";
    house.refused(&form(nobody, &secret), 400, "unauthorized_client", 700_016).await;
    // the object id is not what an application names itself by
    house.refused(&form(&application.id, &secret), 400, "unauthorized_client", 700_016).await;
    let none = form(id, "");
    house.refused(&none, 401, "invalid_client", 7_000_218).await;
    let refusals = house.audit("SignInRefused").await;
    let numbers: Vec<_> = refusals.iter().rev().map(|it| it["error"].clone()).collect();
    assert_eq!(numbers, [7_000_215, 700_016, 700_016, 7_000_218].map(|it| json!(it)));
    assert!(!json!(refusals).to_string().contains("guess"));
}

#[tokio::test]
async fn a_public_program_never_signs_in_alone() {
    let house = House::open().await;
    let application = house.public().await;
    let id = application.client_id.as_str();
    let alone = vec![("grant_type", "client_credentials"), ("client_id", id), ("scope", NATIVE)];
    house.refused(&alone, 400, "unauthorized_client", 700_025).await;
    let shown = [alone, vec![("client_secret", "x")]].concat();
    house.refused(&shown, 401, "invalid_client", 700_025).await;
}

#[tokio::test]
async fn what_is_asked_for_is_one_known_resource() {
    let house = House::open().await;
    let (application, secret) = house.confidential().await;
    for (scope, error, number) in [
        ("https://vault.azure.net/.default", "invalid_resource", 500_011),
        ("https://management.azure.com/user_impersonation", "invalid_scope", 1_002_012),
        ("api://sluicegate/.default https://graph.microsoft.com/.default", "invalid_scope", 28_000),
    ] {
        let form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &application.client_id),
            ("client_secret", &secret),
            ("scope", scope),
        ];
        house.refused(&form, 400, error, number).await;
    }
}

#[tokio::test]
async fn a_password_gets_tokens_of_the_person() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let scope = format!("{MANAGEMENT} openid profile offline_access");
    let answer = house.signed_in(&application, &user, &scope).await;
    assert_eq!(
        answer["scope"],
        "https://management.azure.com//user_impersonation https://management.azure.com//.default"
    );
    let access = said(answer["access_token"].as_str().unwrap());
    assert_eq!(access["oid"], json!(user.id));
    assert_eq!(access["upn"], "ada@example.org");
    assert_eq!(access["unique_name"], "ada@example.org");
    assert_eq!(access["scp"], "user_impersonation");
    let id = said(answer["id_token"].as_str().unwrap());
    assert_eq!(id["aud"], json!(application.client_id));
    assert_eq!(id["preferred_username"], "ada@example.org");
    assert!(answer["refresh_token"].is_string());
    use base64::Engine as _;
    let info = answer["client_info"].as_str().unwrap();
    let info = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(info).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info, json!({"uid": user.id, "utid": &*house.app.tenant}));
    // only what was asked for
    let answer = house.signed_in(&application, &user, NATIVE).await;
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
}

#[tokio::test]
async fn a_password_is_not_enough_without_consent() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    let form = password_form(&application, &user, NATIVE);
    let form = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.refused(&form, 400, "invalid_grant", 65_001).await;
}

#[tokio::test]
async fn guessing_passwords_closes_the_account() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let form = |name: &'static str, password| {
        vec![
            ("grant_type", "password"),
            ("client_id", application.client_id.as_str()),
            ("username", name),
            ("password", password),
            ("scope", NATIVE),
        ]
    };
    house.refused(&form("nobody@example.org", "x"), 400, "invalid_grant", 50_126).await;
    for _ in 0..10 {
        house.refused(&form("ada@example.org", "wrong"), 400, "invalid_grant", 50_126).await;
    }
    // the right one is not tried either
    house.refused(&form("ada@example.org", PASSWORD), 400, "invalid_grant", 50_053).await;
    assert_eq!(house.audit("LockUser").await.len(), 1);
    assert_eq!(house.audit("SignInRefused").await[0]["user"], json!(user.id));
    house.pass(61);
    house.granted(&form("ada@example.org", PASSWORD)).await;
}

#[tokio::test]
async fn a_new_password_ends_what_was_given() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let answer = house.signed_in(&application, &user, &format!("{NATIVE} offline_access")).await;
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(house.info(token).await.status, 200);
    house.app.set_password(&root(), &user.id, "another long password").await.unwrap();
    house.info_refused(token, "InvalidAuthenticationToken").await;
    let form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.client_id.as_str()),
        ("refresh_token", answer["refresh_token"].as_str().unwrap()),
    ];
    house.refused(&form, 400, "invalid_grant", 50_173).await;
}

#[tokio::test]
async fn tokens_end_with_their_application_and_their_person() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    let (alone, secret) = house.confidential().await;
    house.consent(&application).await;
    let answer = house.signed_in(&application, &user, NATIVE).await;
    let form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &alone.client_id),
        ("client_secret", &secret),
        ("scope", NATIVE),
    ];
    let own = house.granted(&form).await;
    for (token, gone) in [(&answer, &application), (&own, &alone)] {
        let token = token["access_token"].as_str().unwrap();
        assert_eq!(house.info(token).await.status, 200);
        house.app.delete_application(&root(), &gone.id).await.unwrap();
        house.info_refused(token, "InvalidAuthenticationToken").await;
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_in_the_words_of_the_protocol() {
    let house = House::open().await;
    house.refused(&vec![("client_id", "x")], 400, "invalid_request", 900_144).await;
    let unknown = vec![("grant_type", "magic"), ("client_id", "x")];
    house.refused(&unknown, 400, "unsupported_grant_type", 70_003).await;
    let twice = vec![("grant_type", "password"), ("grant_type", "password")];
    house.refused(&twice, 400, "invalid_request", 9_000_411).await;
    let other = "/22222222-2222-4333-8444-555555555555/oauth2/v2.0/token";
    refused(&house.post(other, &unknown).await, 400, "invalid_tenant", 90_002);
    let json = house.request(reqwest::Method::POST, "/common/oauth2/v2.0/token").json(&json!({}));
    refused(&crate::world::Answer::of(json).await, 400, "invalid_request", 9_002_313);
}

#[tokio::test]
async fn the_older_endpoint_names_a_resource() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let form = vec![
        ("grant_type", "password"),
        ("client_id", application.client_id.as_str()),
        ("username", user.user_principal_name.as_str()),
        ("password", PASSWORD),
        ("resource", "https://service.flow.microsoft.com/"),
    ];
    let answer = house.post("/common/oauth2/token", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["resource"], "https://service.flow.microsoft.com/");
    assert!(answer["expires_on"].is_string() && answer["refresh_token"].is_string());
    assert_eq!(said(answer["access_token"].as_str().unwrap())["aud"], answer["resource"]);
}
