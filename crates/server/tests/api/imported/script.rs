//! Code of a connector's own is kept, told, and not run.

use super::{Shop, with_key};
use crate::people::OWNER;
use reqwest::Method;
use serde_json::{Value, json};

const SCRIPT: &str = "public class Script : ScriptBase {\r\n}\n";

fn remark(made: &Value) -> &str {
    made["remarks"][0].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_script_that_names_no_operations_is_for_all_of_them() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    for none in [json!({}), json!({"scriptOperations": []})] {
        let made =
            shop.import(&shop.definition(), &with_key(&none), &json!({"script": SCRIPT})).await;
        assert!(
            remark(&made).contains("script.csx") && remark(&made).contains("all operations"),
            "{made}"
        );
        shop.connect("shared_shop", "one", &json!({"api_key": "k"}), 201).await;
        let answer = shop.call("shop/one/things").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "ConnectorPolicyFailed"));
        assert!(
            answer.text.contains("'ListThings'") && answer.text.contains("script.csx"),
            "{}",
            answer.text
        );
        let action = shop.run("ListOther", &json!({})).await;
        assert_eq!(action["status"], "Failed");
        assert!(
            action["error"]["message"].as_str().is_some_and(|it| it.contains("script.csx")),
            "{action}"
        );
        let file = shop.path("/shared_shop/files/script.csx");
        assert_eq!(shop.people.send(OWNER, Method::GET, &file, None).await.text, SCRIPT);
        shop.people.api(OWNER, Method::DELETE, "apis/shared_shop/connections/one", None, 200).await;
        shop.people.ask(OWNER, (Method::DELETE, &shop.path("/shared_shop")), None, 204).await;
    }
    assert!(shop.backend.asked().is_empty());
}

#[tokio::test]
async fn a_script_goes_with_the_files_that_it_came_with() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    let named = with_key(&json!({"scriptOperations": ["ListOther"]}));
    let made = shop.import(&shop.definition(), &named, &json!({"script": SCRIPT})).await;
    assert!(remark(&made).ends_with("refused: ListOther."), "{made}");
    shop.connect("shared_shop", "one", &json!({"api_key": "k"}), 201).await;
    assert_eq!(shop.call("shop/one/things").await.status, 200);
    assert_eq!(shop.call("shop/one/other").await.status, 400);
    // without it the connector is what its other files say
    let path = shop.path("/shared_shop");
    let body = json!({"definition": shop.definition().to_string(),
        "properties": json!({"properties": with_key(&json!({}))}).to_string()});
    let other = shop.people.ask(OWNER, (Method::PUT, &path), Some(&body), 200).await;
    assert_eq!(other["remarks"], json!([]));
    assert_eq!(shop.call("shop/one/other").await.status, 200);
    let file = shop.path("/shared_shop/files/script.csx");
    assert_eq!(shop.people.send(OWNER, Method::GET, &file, None).await.status, 404);
}

#[tokio::test]
async fn the_command_brings_and_writes_it() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    let dir = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    write("apiDefinition.swagger.json", &shop.definition().to_string());
    write("apiProperties.json", &json!({"properties": with_key(&json!({}))}).to_string());
    write("script.csx", SCRIPT);
    let folder = dir.path().to_str().expect("a path");
    let run = async |arguments: &[&str]| shop.command(arguments).await;
    let host = ["--host", "test.example.org", "--base-path", "/v9"];
    let import = [&["connector", "import", folder, "--name", "shared_shop"], &host[..]].concat();
    let printed = run(&import).await;
    assert!(printed.contains("Custom code (script.csx) is not run"), "{printed}");
    let shown = run(&["connector", "show", "shared_shop"]).await;
    assert!(shown.contains("http://test.example.org/v9"), "{shown}");
    let back = dir.path().join("back");
    run(&["connector", "export", "shared_shop", "-o", back.to_str().expect("a path")]).await;
    for name in ["apiDefinition.swagger.json", "apiProperties.json", "script.csx"] {
        let [before, after] =
            [dir.path(), &back].map(|it| std::fs::read(it.join(name)).expect("a file"));
        assert_eq!(before, after, "{name}");
    }
}
