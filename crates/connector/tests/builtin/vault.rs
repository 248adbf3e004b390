//! Secrets from a store.

use crate::world::World;
use connector::builtin::{SecretRecord, SecretStore, SecretStoreFailure};
use connector::http::Secret;
use serde_json::{Value as Json, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, SecretStoreFailure>> + Send + 'a>>;

/// One vault with one secret in two versions, and one that is closed.
struct Store;

fn record(version: &str) -> SecretRecord {
    SecretRecord {
        name: "token".to_owned(),
        version: version.to_owned(),
        content_type: None,
        is_enabled: version != "v0",
        created: jiff::Timestamp::UNIX_EPOCH,
        updated: jiff::Timestamp::UNIX_EPOCH,
        valid_from: None,
        valid_until: None,
    }
}

impl Store {
    fn found(vault: &str, name: &str) -> Result<Vec<SecretRecord>, SecretStoreFailure> {
        match (vault, name) {
            ("ours", "token") => Ok(vec![record("v2"), record("v1"), record("v0")]),
            ("ours", _) => Ok(Vec::new()),
            ("away", _) => Err(SecretStoreFailure::Unavailable),
            _ => Err(SecretStoreFailure::Forbidden),
        }
    }
}

impl SecretStore for Store {
    fn value<'a>(
        &'a self,
        vault: &'a str,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Later<'a, Option<(SecretRecord, Secret)>> {
        Box::pin(async move {
            let mut found = Store::found(vault, name)?.into_iter();
            let found = found.find(|it| version.is_none_or(|version| it.version == version));
            Ok(found.map(|it| (it.clone(), Secret::new(format!("value of {}", it.version)))))
        })
    }

    fn list<'a>(&'a self, vault: &'a str) -> Later<'a, Vec<SecretRecord>> {
        Box::pin(async move { Ok(Store::found(vault, "token")?.into_iter().take(1).collect()) })
    }

    fn versions<'a>(&'a self, vault: &'a str, name: &'a str) -> Later<'a, Vec<SecretRecord>> {
        Box::pin(async move { Store::found(vault, name) })
    }
}

#[tokio::test]
async fn a_secret_is_given_by_its_own_operation_only() {
    let mut world = World::new(None);
    world.context.secrets = Some(Arc::new(Store));
    let call = async |vault: &str, operation: &str, parameters: Json| {
        let connection = json!({ "vaultName": vault });
        world.call("shared_keyvault", operation, &connection, parameters).await
    };
    let token = json!({ "secretName": "token" });
    let old = json!({ "secretName": "token", "secretVersion": "v1" });
    let (status, secret) = call("ours", "GetSecret", token.clone()).await;
    assert_eq!(
        (status, &secret["value"], &secret["version"]),
        (200, &json!("value of v2"), &json!("v2"))
    );
    assert_eq!(secret["createdTime"], "1970-01-01T00:00:00Z");
    assert_eq!(call("ours", "GetSecretVersion", old.clone()).await.1["value"], "value of v1");
    for (operation, parameters) in [
        ("ListSecrets", json!({})),
        ("ListSecretVersions", token.clone()),
        ("GetSecretMetadata", token.clone()),
        ("GetSecretVersionMetadata", old),
    ] {
        let (status, body) = call("ours", operation, parameters).await;
        assert_eq!(status, 200, "{operation}");
        assert!(!body.to_string().contains("value of"), "{operation}: {body}");
    }
    let none = json!({ "secretName": "other" });
    assert_eq!(call("ours", "GetSecret", none.clone()).await.0, 404);
    assert_eq!(call("ours", "ListSecretVersions", none).await.0, 404);
    let disabled = json!({ "secretName": "token", "secretVersion": "v0" });
    let (status, body) = call("ours", "GetSecretVersion", disabled).await;
    assert_eq!(status, 403);
    assert!(!body.to_string().contains("value of"));
    assert_eq!(call("theirs", "GetSecret", token.clone()).await.0, 403);
    let connection = json!({ "vaultName": "away" });
    assert!(world.try_call("shared_keyvault", "GetSecret", &connection, &token).await.is_err());
    world.context.secrets = None;
    let nothing = world.call("shared_keyvault", "ListSecrets", &connection, json!({})).await;
    assert_eq!(nothing.0, 400);
}
