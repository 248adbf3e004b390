//! Client certificates, at a server that lets nobody in without one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use rig::authority::{Authority, Certificate, pfx};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{LOOPBACK, Lookup, Server, answer, get, names};
use crate::http::{
    Authentication, ClientCredential, EgressPolicy, HttpAnswer, HttpCall, HttpClient, HttpFailure,
    HttpLimits, OAuthClient, PfxFile, Secret,
};

/// The names of the other tests, in a network that believes an authority of its own.
struct Network(reqwest::Certificate);

impl Lookup for Network {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        names().lookup(name)
    }

    fn trusting(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder.tls_certs_only([self.0.clone()])
    }
}

/// A server at `one.test` and `two.test` that answers with the certificate it was shown, or
/// sends the caller elsewhere.
struct Door {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn chain(of: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(of).unwrap().map(Result::unwrap).collect()
}

impl Door {
    /// Lets in whom the authority has signed, and others if it need not be shown anything.
    async fn open(authority: &Authority, is_needed: bool, leads_to: Option<String>) -> Door {
        let own = authority.issue("door", &["one.test", "two.test"]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(chain(authority.certificate()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let verifier = if is_needed { verifier } else { verifier.allow_unauthenticated() };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                chain(&own.certificate),
                PrivateKeyDer::from_pem_file(&own.key).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&shown);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let leaf = stream.get_ref().1.peer_certificates().map(|all| all[0].to_vec());
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                notes.lock().unwrap().push(leaf);
                let more = match &leads_to {
                    Some(place) => format!("307 Word\r\nLocation: {place}"),
                    None => "200 Word".to_owned(),
                };
                let text =
                    format!("HTTP/1.1 {more}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Door { address, shown, task }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.address.port())
    }

    fn shown(&self) -> Vec<Option<Vec<u8>>> {
        self.shown.lock().unwrap().clone()
    }
}

fn client(authority: &Authority) -> HttpClient {
    let policy = EgressPolicy::from_toml("allow = ['127.0.0.1']").unwrap();
    let root = std::fs::read(authority.certificate()).unwrap();
    let root = reqwest::Certificate::from_pem(&root).unwrap();
    let (policy, network) = (Arc::new(policy), Arc::new(Network(root)));
    HttpClient::with_lookup(policy, HttpLimits::default(), network).unwrap()
}

fn file(of: &Certificate, password: &str) -> PfxFile {
    let content = STANDARD.encode(pfx(of, "open sesame").unwrap());
    PfxFile { content: Secret::new(content), password: Secret::new(password) }
}

fn showing(uri: String, file: PfxFile) -> HttpCall {
    HttpCall { authentication: Authentication::ClientCertificate(file), ..get(uri) }
}

async fn sent(client: &HttpClient, call: HttpCall) -> Result<HttpAnswer, HttpFailure> {
    client.send(call).await
}

#[tokio::test]
async fn a_certificate_opens_a_door_that_is_closed_without() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(dir.path()).unwrap();
    let door = Door::open(&authority, true, None).await;
    let client = client(&authority);
    let [one, two] = ["one", "two"].map(|name| authority.issue_client(name).unwrap());
    for (own, times) in [(&one, 2), (&two, 1)] {
        for _ in 0..times {
            let call = showing(door.url("one.test"), file(own, "open sesame"));
            assert_eq!(sent(&client, call).await.unwrap().status, 200);
        }
    }
    let leaf = |of: &Certificate| Some(chain(&of.certificate)[0].to_vec());
    assert_eq!(door.shown(), [leaf(&one), leaf(&one), leaf(&two)]);
    // without one, and with one that nobody has signed
    let failed = sent(&client, get(door.url("one.test"))).await;
    assert!(matches!(failed, Err(HttpFailure::Unreachable(_) | HttpFailure::Interrupted(_))));
    let own = rig::authority::self_signed(dir.path(), "stranger").unwrap();
    let failed = sent(&client, showing(door.url("one.test"), file(&own, "open sesame"))).await;
    assert!(matches!(failed, Err(HttpFailure::Unreachable(_) | HttpFailure::Interrupted(_))));
    assert_eq!(door.shown().len(), 3);
    // the wrong password opens no file, whoever has opened it before
    let failed = sent(&client, showing(door.url("one.test"), file(&one, "guessed"))).await;
    let Err(HttpFailure::Invalid(text)) = failed else { panic!("{failed:?}") };
    assert_eq!(text, "client certificate: the PFX file cannot be opened with this password");
    // the guard stands before it
    let failed =
        sent(&client, showing("https://10.0.0.1/".to_owned(), file(&one, "guessed"))).await;
    assert!(matches!(failed, Err(HttpFailure::Denied(_))), "{failed:?}");
}

#[tokio::test]
async fn a_certificate_is_shown_to_the_site_it_is_for_only() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(dir.path()).unwrap();
    let own = authority.issue_client("one").unwrap();
    let beyond = Door::open(&authority, false, None).await;
    let door = Door::open(&authority, true, Some(beyond.url("two.test"))).await;
    let client = client(&authority);
    let call = showing(door.url("one.test"), file(&own, "open sesame"));
    assert_eq!(sent(&client, call).await.unwrap().status, 200);
    assert!(door.shown()[0].is_some());
    assert_eq!(beyond.shown(), [None]);
}

#[tokio::test]
async fn a_token_is_granted_to_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(dir.path()).unwrap();
    let own = authority.issue_client("one").unwrap();
    let issuer =
        Server::start(|_| answer(200, &[], r#"{"access_token":"t","expires_in":3599}"#)).await;
    let target = Server::start(|_| answer(200, &[], "")).await;
    let oauth = OAuthClient {
        tenant: "t".to_owned(),
        audience: "https://graph.example/".to_owned(),
        client_id: "the-client".to_owned(),
        credential: ClientCredential::Certificate(file(&own, "open sesame")),
        authority: issuer.url("/"),
    };
    let call = HttpCall {
        authentication: Authentication::ActiveDirectoryOAuth(oauth),
        ..get(target.url("/"))
    };
    sent(&client(&authority), call).await.unwrap();
    assert_eq!(target.seen()[0].header("authorization"), Some("Bearer t"));
    let form: std::collections::HashMap<String, String> =
        url::form_urlencoded::parse(issuer.seen()[0].body.as_bytes()).into_owned().collect();
    assert!(!form.contains_key("client_secret"));
    assert!(form["client_assertion_type"].ends_with(":jwt-bearer"));
    let parts: Vec<&str> = form["client_assertion"].split('.').collect();
    let part = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let json = |at: usize| serde_json::from_slice::<serde_json::Value>(&part(at)).unwrap();
    let leaf = &chain(&own.certificate)[0];
    let print = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf);
    assert_eq!(json(0)["x5t#S256"], URL_SAFE_NO_PAD.encode(print));
    let claims = json(1);
    assert_eq!(claims["aud"], issuer.url("/t/oauth2/token"));
    assert_eq!((&claims["iss"], &claims["sub"]), (&"the-client".into(), &"the-client".into()));
    // the certificate's key has signed it
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&own.key).unwrap();
    let pair = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(key.secret_der()).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        public,
    );
    let said = format!("{}.{}", parts[0], parts[1]);
    public.verify(said.as_bytes(), &part(2)).unwrap();
}
