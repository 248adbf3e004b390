//! Health, metrics, and how the server is reached.

use crate::support::{Setup, TOKEN};
use crate::world::{Answer, World, echo};
use reqwest::{Certificate, Client, Method};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::test]
async fn health_and_metrics_want_no_token() {
    let world = World::start().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = Answer::of(world.api.request(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.is_empty());
    }
    let address = world.flow("order", &echo()).await;
    for _ in 0..3 {
        world.run(&address, &json!({})).await;
    }
    let metrics = Answer::of(world.api.request(Method::GET, "/metrics")).await;
    assert_eq!(metrics.status, 200);
    for line in ["sluicegate_runs_started_total 3", "sluicegate_runs_finished_total 3"] {
        assert!(metrics.text.lines().any(|found| found == line), "{line}: {}", metrics.text);
    }
    let info = world.api.get("/api/v1/info").await;
    assert_eq!(info["product"], "sluicegate");
    assert_eq!(info["publicUrl"], world.api.url("").trim_end_matches('/'));
}

/// Makes a certificate of its own for `localhost`; false when there is no `openssl`.
fn certificate(dir: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("certificate.pem"))
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .output();
    match made {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "openssl: {told}");
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => panic!("openssl: {error}"),
    }
}

#[tokio::test]
async fn tls_is_served_with_certificate_files() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(certificate(dir.path()), "openssl is missing: scripts/setup installs it");
    let setup = Setup::new(dir.path())
        .arg("--tls-certificate")
        .arg(dir.path().join("certificate.pem"))
        .arg("--tls-key")
        .arg(dir.path().join("key.pem"));
    let server = setup.spawn_announced().await;
    let pem = std::fs::read(dir.path().join("certificate.pem")).expect("a certificate");
    let root = Certificate::from_pem(&pem).expect("a certificate");
    let client = Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let base = format!("https://{}", server.addr);
    let since = Instant::now();
    loop {
        match client.get(format!("{base}/health/ready")).send().await {
            Ok(answer) if answer.status() == 200 => break,
            other => assert!(since.elapsed() < Duration::from_secs(20), "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let body = json!({"name": "order", "document": echo()});
    let request = client.post(format!("{base}/api/v1/flows")).bearer_auth(TOKEN).json(&body);
    assert_eq!(Answer::of(request).await.status, 201);
    let request = client.post(format!("{base}/api/v1/flows/order/callback-url")).bearer_auth(TOKEN);
    let url = Answer::of(request).await.json();
    let address = url["value"].as_str().expect("an address");
    assert!(address.starts_with(&base), "{address}");
    assert_eq!(Answer::of(client.post(address).json(&json!({}))).await.status, 200);
    let plain = server.api().request(Method::GET, "/health/live").send().await;
    assert!(plain.is_err(), "plain HTTP was answered on a TLS port");
    assert_eq!(Answer::of(client.get(format!("{base}/health/live"))).await.status, 200);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let output = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
            .args(["serve", "--data"])
            .arg(dir.path().join("data"))
            .args(arguments)
            .envs(variable)
            .output()
            .expect("a process");
        assert!(!output.status.success(), "{arguments:?} {variable:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let missing = dir.path().join("missing");
    let missing = missing.to_str().expect("text");
    assert!(refused(&["--listen", "nowhere"], None).contains("nowhere"));
    assert!(refused(&["--tls-certificate", missing], None).contains("key"));
    let both = ["--tls-certificate", missing, "--tls-key", missing, "--listen", "127.0.0.1:0"];
    assert!(refused(&both, None).contains(missing));
    assert!(refused(&["--config", missing], None).contains(missing));
    assert!(refused(&["--database-url", "mysql://u@h/d"], None).contains("mysql"));
    // nothing listens there; the password is nobody's business
    let away = "postgres://u:tulip@127.0.0.1:1/d";
    let text = refused(&["--database-url", away], None);
    assert!(text.contains("database") && !text.contains("tulip"), "{text}");
    assert!(refused(&[], Some(("SLUICEGATE_LISTN", "x"))).contains("SLUICEGATE_LISTN"));
    assert!(refused(&[], Some(("SLUICEGATE_RETENTION_DAYS", "x"))).contains("RETENTION_DAYS"));
    assert!(refused(&["--public-url", "ftp://x"], None).contains("ftp://x"));
}
