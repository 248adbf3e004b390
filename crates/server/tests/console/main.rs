//! The console in a real browser (Debian's Chromium), against the real binary: journeys that
//! people make. What they do is in `web/e2e`; what there is to do it with is made here.

#![allow(clippy::needless_pass_by_value, reason = "definitions read best as nested literals")]

mod journey;
mod letter;
mod passkey;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests of the API use all of it")]
#[path = "../api/world.rs"]
mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use journey::Console;
use reqwest::Method;
use rig::Oidc;
use serde_json::{Value, json};
use world::{compose, definition};

/// What must never become markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// Items of a long loop, and the one that fails.
const ITEMS: u32 = 10_000;
const FAILED: u32 = 7_777;

/// What is said of a long loop in which one iteration fails.
const BROKEN: &str = "Ten thousand";

/// Milliseconds from choosing the failed action to its failed iteration, on a machine that does
/// other things as well.
const INTERACTIVE_MS: u32 = if cfg!(debug_assertions) { 20_000 } else { 5_000 };

/// The bar for that, where the machine is quiet: set by the full bars.
const INTERACTIVE_BAR: &str = "SLUICEGATE_INTERACTIVE_MS";

fn long_loop(items: u32, divided: &str) -> Value {
    let divide = json!({"Divide": compose("", json!(divided))});
    let each = json!({"type": "Foreach", "foreach": format!("@range(0, {items})"),
        "actions": divide, "runAfter": {}});
    definition(json!({"Each_item": each}))
}

/// A flow whose long loop has failed: the run.
async fn broken(console: &Console) -> String {
    let document = long_loop(ITEMS, &format!("@div(1, sub(item(), {FAILED}))"));
    let flow = json!({"name": "broken", "displayName": BROKEN, "document": document});
    console.flow(flow).await;
    let run = console.call(Method::POST, "/api/v1/flows/broken/run", json!({}), 202).await;
    let run = run["run"].as_str().expect("a run").to_owned();
    assert_eq!(console.world.api.ended(&run).await["status"], "Failed");
    run
}

/// A connector whose connections have a secret.
fn store(title: &str) -> Value {
    let regions = json!([{"value": "eu", "text": "Europe"}, {"value": "us", "text": "America"}]);
    let shown = |name: &str, constraints: Value| json!({"displayName": name, "description": title, "constraints": constraints});
    let properties = json!({"properties": {"connectionParameters": {
        "key": {"type": "securestring", "uiDefinition": shown("Key of the store", json!({"required": "true"}))},
        "region": {"type": "string", "uiDefinition": shown("Region", json!({"allowedValues": regions}))},
        "port": {"type": "int", "defaultValue": 80, "uiDefinition": shown("Port", json!({}))}}}});
    let definition =
        json!({"swagger": "2.0", "info": {"title": title}, "host": "s.example.org", "paths": {}});
    json!({"name": "shared_store", "properties": properties.to_string(),
        "definition": definition.to_string()})
}

/// A flow that does little.
async fn greeting(console: &Console) {
    let actions = json!({"Hello": compose("", json!("world"))});
    let flow = json!({"name": "greet", "displayName": "Greet", "document": definition(actions)});
    console.flow(flow).await;
}

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let console = Console::open().await;
    console.walk("sign-in", json!({})).await;
}

#[tokio::test]
async fn a_run_is_followed_while_it_goes_on_and_text_stays_text() {
    let console = Console::open_with(|setup, dir| setup.allow_loopback(dir)).await;
    let text = json!({"text": "@triggerBody()?['text']", "link": "javascript:alert(2)"});
    // the journey itself is the service that it waits for
    let subscribe = json!({"method": "POST", "uri": "@triggerBody()?['stub']",
        "body": {"callback": "@listCallbackUrl()"}});
    let wait = |after: Value| json!({"type": "HttpWebhook", "inputs": {"subscribe": subscribe}, "runAfter": after});
    let each = json!({"type": "Foreach", "foreach": ["one"], "runAfter": {},
        "actions": {"Wait_for_it": wait(json!({}))}});
    let actions = json!({"Each_one": each, "Wait_again": wait(json!({"Each_one": ["Succeeded"]})),
        "Quote_it": compose("Wait_again", text)});
    let flow = json!({"name": "hostile", "displayName": HOSTILE, "document": definition(actions)});
    console.flow(flow).await;
    console.walk("follow", json!({"hostile": HOSTILE})).await;
}

#[tokio::test]
async fn the_failed_iteration_of_a_long_loop_is_read_and_resumed() {
    let console = Console::open().await;
    let run = broken(&console).await;
    let document = long_loop(ITEMS, &format!("@sub(item(), {FAILED})"));
    let corrected = json!({"document": document});
    console.call(Method::PUT, "/api/v1/flows/broken", corrected, 200).await;
    let bar = std::env::var(INTERACTIVE_BAR).ok().map(|it| it.parse().expect("milliseconds"));
    let told = json!({"run": run, "items": ITEMS, "failed": FAILED,
        "interactive_ms": bar.unwrap_or(INTERACTIVE_MS)});
    console.walk("loop", told).await;
}

#[tokio::test]
async fn a_package_is_brought_in_and_what_came_of_it_deleted_and_restored() {
    let console = Console::open().await;
    greeting(&console).await;
    let package = console.package("greet").await;
    console.call(Method::DELETE, "/api/v1/flows/greet?purge=true", json!({}), 204).await;
    console.walk("manage", json!({"flow": "Greet", "package": package})).await;
}

#[tokio::test]
async fn connections_are_made_signed_in_for_tested_and_deleted() {
    let console = Console::open_with(|setup, dir| setup.allow_loopback(dir)).await;
    let redirect = console.world.api.url("/oauth/redirect");
    let oidc = Oidc::start(
        &json!({"clients": [{"client_id": "files", "client_secret": "s3cret-of-the-client",
            "redirect_uris": [redirect], "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "client_secret_post"}]})
        .to_string(),
    )
    .expect("a provider");
    let address = |path: &str| json!({"value": format!("{}/{path}", oidc.address)});
    let properties = json!({"properties": {"connectionParameters": {"token": {
        "type": "oauthSetting", "oAuthSettings": {
            "identityProvider": "oauth2", "clientId": "[[CLIENT_ID]]",
            "scopes": ["openid", "offline_access", "files"], "redirectMode": "Global",
            "customParameters": {"authorizationUrl": address("auth"), "tokenUrl": address("token"),
                "refreshUrl": address("token")}}}}}});
    let definition = json!({"swagger": "2.0", "info": {"title": "Files"}, "paths": {}});
    let connector = json!({"name": "shared_files", "properties": properties.to_string(),
        "definition": definition.to_string()});
    let under = "/api/v1/environments/default/connectors";
    console.call(Method::POST, under, connector, 201).await;
    let client = json!({"clientId": "files", "secret": "s3cret-of-the-client"});
    console.call(Method::PUT, &format!("{under}/shared_files/client"), client, 200).await;
    console.call(Method::POST, under, store(HOSTILE), 201).await;
    let told = json!({"connection": "My files", "store": HOSTILE, "hostile": HOSTILE});
    console.walk("connect", told).await;
}

#[tokio::test]
async fn somebody_signs_in_at_an_issuer_from_outside() {
    let oidc = Oidc::start(
        &json!({"anyRedirect": true, "clients": [{"client_id": "console",
            "client_secret": "s3cret-of-the-console", "redirect_uris": ["https://console.example"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_post"}]})
        .to_string(),
    )
    .expect("a provider");
    let console = Console::open_with(|setup, dir| {
        let (secret, file) = (dir.join("secret"), dir.join("issuers.toml"));
        std::fs::write(&secret, "s3cret-of-the-console\n").expect("a file");
        let text = format!(
            "[[issuer]]\nurl = \"{}\"\naudiences = [\"api://flows\"]\n[issuer.sign_in]\nclient_id = \"console\"\nclient_secret_file = \"{}\"\nlabel = \"Contoso\"\nscope = \"openid\"\n",
            oidc.address,
            secret.display()
        );
        std::fs::write(&file, text).expect("a file");
        setup.allow_loopback(dir).arg("--issuers").arg(file)
    })
    .await;
    console.walk("outside", json!({})).await;
}

#[tokio::test]
async fn no_page_is_a_barrier() {
    let console = Console::open().await;
    let run = broken(&console).await;
    console.walk("pages", json!({"broken": BROKEN, "run": run})).await;
}

#[tokio::test]
async fn everything_is_done_by_keyboard() {
    let console = Console::open().await;
    greeting(&console).await;
    console.walk("keyboard", json!({"flow": "Greet"})).await;
}

#[tokio::test]
async fn every_page_fits_a_phone() {
    let console = Console::open().await;
    let run = broken(&console).await;
    console.walk("phone", json!({"broken": BROKEN, "run": run, "failed": FAILED})).await;
}

#[tokio::test]
async fn an_approval_is_answered_on_a_phone() {
    let console = Console::open().await;
    let details = format!(
        "# Urgent\n\nThis is **bold**, and {HOSTILE} is not.\n\n<script>alert(3)</script>\n\nFish &amp; chips: [a page](https://example.org/page), [no page](javascript:alert(4)), ![a picture](https://example.org/picture.png)"
    );
    // no text in any encoding
    let content = STANDARD.encode((0..=255_u8).rev().collect::<Vec<_>>());
    let approval = json!({"approvalType": "CustomResponse", "title": HOSTILE, "details": details,
        "assignedTo": "ada@example.org", "responseOptions": [HOSTILE, "No"],
        "attachments": [{"name": "plan.bin", "content": content}]});
    console.call(Method::POST, letter::APPROVALS, approval, 201).await;
    let told = json!({"title": HOSTILE, "bold": "bold", "option": HOSTILE, "file": "plan.bin",
        "content": content});
    console.walk("decide", told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_answered_by_the_link_of_a_letter() {
    let office = letter::Office::open().await;
    let approval =
        json!({"approvalType": "Basic", "title": HOSTILE, "assignedTo": letter::OUTSIDE});
    let made = office.console.call(Method::POST, letter::APPROVALS, approval, 201).await;
    let shown = format!("/api/v1/approvals/{}", made["id"].as_str().expect("an id"));
    let links = office.links().await;
    assert_eq!(links.len(), 3, "{links:?}");
    office.scan(&links).await;
    let before = office.console.world.api.get(&shown).await;
    assert_eq!(before["state"], "Open", "{before}");
    // of another length, so that no letter of it is by chance the right one
    let forged = format!("{}A", links[0]);
    let told = json!({"title": HOSTILE, "link": links[0], "reject": links[2], "forged": forged});
    office.console.walk("letter", told).await;
    let after = office.console.world.api.get(&shown).await;
    assert_eq!(after["outcome"], "Reject", "{after}");
    assert_eq!(after["stages"][0]["tasks"][0]["comments"], "by mail");
}

#[tokio::test]
async fn a_flow_is_shared_with_people_and_groups_who_are_looked_up() {
    let console = Console::open().await;
    greeting(&console).await;
    console.person("grace@example.org", "Grace").await;
    console.person("mallory@example.org", HOSTILE).await;
    console.call(Method::POST, "/api/v1/groups", json!({"displayName": "Team"}), 201).await;
    console.walk("share", json!({"flow": "greet", "hostile": HOSTILE})).await;
}

#[tokio::test]
async fn deputies_are_named_and_calendars_seen_to() {
    let console = Console::open().await;
    console.person("grace@example.org", "Grace").await;
    for (kind, title, people) in [
        ("Basic", "Buy a press", "ada@example.org"),
        ("BasicAwaitAll", "Sell a press", "ada@example.org;grace@example.org"),
    ] {
        let approval = json!({"approvalType": kind, "title": title, "assignedTo": people});
        console.call(Method::POST, letter::APPROVALS, approval, 201).await;
    }
    console.walk("absence", json!({"away": "Buy a press", "both": "Sell a press"})).await;
}

#[tokio::test]
async fn approvals_deputies_and_calendars_need_no_mouse() {
    let console = Console::open().await;
    console.person("grace@example.org", "Grace").await;
    console.person("heidi@example.org", "Heidi").await;
    for (title, people) in
        [("Buy a press", "ada@example.org"), ("Sell a press", "ada@example.org;grace@example.org")]
    {
        let approval = json!({"approvalType": "Basic", "title": title, "assignedTo": people});
        console.call(Method::POST, letter::APPROVALS, approval, 201).await;
    }
    let told = json!({"first": "Buy a press", "second": "Sell a press"});
    console.walk("keyboard-approval", told).await;
}

#[tokio::test]
async fn runs_need_no_mouse() {
    let console = Console::open().await;
    let (items, failed) = (40, 11);
    let document = long_loop(items, &format!("@div(1, sub(item(), {failed}))"));
    let flow = json!({"name": "short", "displayName": "Forty", "document": document});
    console.flow(flow).await;
    let hour = json!({"type": "Wait", "runAfter": {}, "inputs": {"interval": {"count": 1, "unit": "Hour"}}});
    let document = definition(json!({"Wait": hour}));
    let flow = json!({"name": "hour", "displayName": "An hour", "document": document});
    console.flow(flow).await;
    for name in ["short", "hour"] {
        console.call(Method::POST, &format!("/api/v1/flows/{name}/run"), json!({}), 202).await;
    }
    let told = json!({"loop": "Forty", "items": items, "failed": failed, "waiting": "An hour"});
    console.walk("keyboard-run", told).await;
}

#[tokio::test]
async fn imports_flows_and_connections_need_no_mouse() {
    let console = Console::open().await;
    console.person("grace@example.org", "Grace").await;
    let under = "/api/v1/environments/default/connectors";
    console.call(Method::POST, under, store("Store"), 201).await;
    greeting(&console).await;
    let package = console.package("greet").await;
    console.call(Method::DELETE, "/api/v1/flows/greet?purge=true", json!({}), 204).await;
    console.walk("keyboard-manage", json!({"flow": "Greet", "package": package})).await;
}
