//! Passkeys with a real browser and the authenticator that it can be given.

use crate::journey::Console;
use serde_json::json;

/// Browsers have passkeys for names only, and take this one for a safe place. No port: the
/// server's is not known before it runs.
const HOST: &str = "flows.localhost";

#[tokio::test]
async fn a_passkey_is_made_and_lets_somebody_in() {
    let base = format!("http://{HOST}");
    let address = base.clone();
    let console = Console::open_with(move |setup, _| setup.env("SLUICEGATE_PUBLIC_URL", address));
    let console = console.await;
    let server = console.world.server.addr;
    let resolve = format!("--host-resolver-rules=MAP {HOST}:80 {server}");
    console.walk("passkey", json!({"base": base, "browser": [resolve]})).await;
}
