//! What clients look up before they sign anybody in.

use super::house::{House, refused};
use crate::world::Answer;
use reqwest::Method;

async fn get(house: &House, path: &str, host: Option<&str>) -> Answer {
    let mut request = house.request(Method::GET, path);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    Answer::of(request).await
}

#[tokio::test]
async fn the_metadata_leads_back_here() {
    let house = House::open().await;
    let tenant = house.app.tenant.to_string();
    let path = format!("/{tenant}/v2.0/.well-known/openid-configuration");
    let answer = get(&house, &path, None).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let answer = answer.json();
    let base = format!("http://{}/{tenant}", house.address);
    assert_eq!(answer["token_endpoint"], format!("{base}/oauth2/v2.0/token"));
    assert_eq!(answer["jwks_uri"], format!("{base}/discovery/v2.0/keys"));
    let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    assert_eq!(answer["issuer"], issuer);
    let answer = get(&house, &path, Some("login.microsoftonline.com")).await.json();
    let known = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
    assert_eq!(answer["token_endpoint"], known);
    // a name that somebody makes up is not repeated
    let answer = get(&house, &path, Some("evil.example")).await;
    assert!(!answer.text.contains("evil"), "{answer:?}");
    let path = "/common/v2.0/.well-known/openid-configuration";
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    assert_eq!(get(&house, path, None).await.json()["issuer"], issuer);
    let older = get(&house, "/organizations/.well-known/openid-configuration", None).await.json();
    let place = format!("http://{}/organizations/oauth2/token", house.address);
    assert_eq!(older["token_endpoint"], place);
    let other = "/22222222-2222-4333-8444-555555555555/v2.0/.well-known/openid-configuration";
    refused(&get(&house, other, None).await, 400, "invalid_tenant", 90_002);
}

#[tokio::test]
async fn the_cloud_and_the_realm_are_known() {
    let house = House::open().await;
    let instance = get(&house, "/common/discovery/instance?api-version=1.1", None).await.json();
    assert_eq!(instance["metadata"][0]["preferred_network"], "login.microsoftonline.com");
    for name in ["userrealm", "UserRealm"] {
        let path = format!("/common/{name}/nobody@example.org?api-version=1.0");
        let realm = get(&house, &path, None).await.json();
        assert_eq!(realm["account_type"], "Managed");
        assert_eq!(realm["domain_name"], "example.org");
    }
    let keys = get(&house, "/common/discovery/v2.0/keys", None).await.json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["e"]), (&"RSA".into(), &"AQAB".into()));
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn other_paths_are_what_they_were() {
    let house = House::open().await;
    assert_eq!(get(&house, "/api/v1/info", None).await.status, 401);
    assert_eq!(get(&house, "/health/live", None).await.status, 200);
    assert_eq!(get(&house, "/common/oauth2/nothing", None).await.status, 404);
    assert_eq!(get(&house, "/common/oauth2/v2.0/token", None).await.status, 405);
}
