//! Encrypted connections.

use super::sample::{commit, done, id, whole_run};
use rig::Postgres;
use std::path::Path;
use std::process::Command;
use store::postgres::{PostgresOptions, PostgresStore};
use store::{Store, StoreError};

fn run(program: &str, arguments: &[&str], directory: &Path) {
    let done = Command::new(program).args(arguments).current_dir(directory).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An authority, and a certificate of it for this machine.
fn certify(directory: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=rig"];
    run("openssl", &[&authority[..], &key].concat(), directory);
    let request = ["req", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"];
    run("openssl", &[&request[..], &key].concat(), directory);
    std::fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").expect("a file");
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
    let signed = ["-CAcreateserial", "-extfile", "names", "-out", "server.pem"];
    run("openssl", &[&sign[..], &signed].concat(), directory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_of_the_server_is_checked() {
    let (keys, directory) = (tempfile::tempdir(), tempfile::tempdir());
    let (keys, directory) = (keys.expect("a directory"), directory.expect("a directory"));
    certify(keys.path());
    let server = Postgres::start(directory.path()).expect("a server");
    let [certificate, key] = ["server.pem", "server.key"].map(|name| keys.path().join(name));
    server.encrypt(&certificate, &key).await.expect("it is encrypted");
    server.create_database("flows").await.expect("a database");
    let url = |host: &str, rest: &str| {
        format!("postgres://postgres@{host}:{}/flows?{rest}", server.port())
    };
    let open = async |url: String| PostgresStore::open(&url, PostgresOptions::default()).await;
    let roots = format!("sslrootcert={}", keys.path().join("ca.pem").display());
    for mode in ["require", "verify-full"] {
        let store = open(url("localhost", &format!("sslmode={mode}&{roots}"))).await;
        let store = store.expect("the certificate is known");
        store.beat(super::sample::NODE, super::sample::LIVES).await.expect("a beat");
        let mut run = whole_run(id(if mode == "require" { 1 } else { 2 }), 1);
        run.epoch = None;
        assert_eq!(commit(&store, run).await, done());
        store.close().await.expect("it closes");
        // Nobody vouches for it, and it is for another name.
        for refused in [
            url("localhost", "sslmode=require"),
            url("127.0.0.1", &format!("sslmode={mode}&{roots}")),
        ] {
            let Err(error) = open(refused).await else { panic!("it is not checked") };
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        }
    }
}
