//! Publisher, class and availability of connectors, as their files say.

use super::{Shop, with_key};
use crate::people::OWNER;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn built_in_connectors_say_what_the_originals_do() {
    let shop = Shop::open(|_, _| (200, Vec::new(), Value::Null)).await;
    let list = shop.people.ask(OWNER, (Method::GET, &shop.path("")), None, 200).await;
    for it in list["value"].as_array().expect("a list") {
        let name = it["name"].as_str().expect("a name");
        let path = shop.path(&format!("/{name}"));
        let page = shop.people.ask(OWNER, (Method::GET, &path), None, 200).await;
        let is_premium = matches!(
            name,
            "shared_sql"
                | "shared_keyvault"
                | "shared_webcontents"
                | "shared_webcontentsv2"
                | "shared_filesystem"
                | "shared_smtp"
        );
        assert_eq!(page["class"], if is_premium { "Premium" } else { "Standard" }, "{name}");
        let is_own = name.starts_with("sluicegate_");
        assert_eq!(page["publisher"], if is_own { "Sluicegate" } else { "Microsoft" }, "{name}");
        assert!(page["contact"]["name"].is_string(), "{name}");
        let places = page["availability"].as_array().expect("a list");
        let has = |service: &str, class: &str| {
            places.iter().any(|it| it["service"] == service && it["class"] == class)
        };
        assert_eq!(has("Sluicegate", "Standard"), is_own, "{name}");
        assert!(is_own || has("Power Automate", page["class"].as_str().unwrap()), "{name}");
        let at = format!("apis/{name}");
        let wire = shop.people.api(OWNER, Method::GET, &at, None, 200).await;
        assert_eq!(wire["properties"]["tier"], page["class"], "{name}");
        assert_eq!(wire["properties"]["publisher"], page["publisher"], "{name}");
    }
}

#[tokio::test]
async fn an_imported_connector_says_what_its_files_do() {
    let shop = Shop::open(|_, _| (200, Vec::new(), Value::Null)).await;
    let path = shop.path("/shared_shop");
    for (more, publisher, class) in [
        (
            json!({"publisher": "Contoso", "stackOwner": "Fabrikam", "tier": "premium"}),
            json!("Contoso"),
            "Premium",
        ),
        (
            json!({"publisher": " ", "stackOwner": "Fabrikam", "tier": "Standard"}),
            json!("Fabrikam"),
            "Standard",
        ),
        (json!({"tier": "golden"}), Value::Null, "NotSpecified"),
    ] {
        shop.import(&shop.definition(), &with_key(&more), &json!({})).await;
        let page = shop.people.ask(OWNER, (Method::GET, &path), None, 200).await;
        assert_eq!((&page["publisher"], &page["class"]), (&publisher, &json!(class)), "{more}");
        shop.people.ask(OWNER, (Method::DELETE, &path), None, 204).await;
    }
}
