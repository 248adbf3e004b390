//! A service that lets in whoever shows a certificate of its authority.

use super::Shop;
use crate::outside::door;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

#[tokio::test]
async fn calls_show_the_connections_certificate() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = rig::Authority::create(dir.path()).expect("an authority");
    let port = door(&authority).await;
    let trusted = authority.certificate().to_owned();
    let start = move |setup: crate::support::Setup, _: &_| setup.env("SSL_CERT_FILE", trusted);
    let shop = Shop::open_with(|_, _| (200, Vec::new(), json!([])), start).await;
    let mut document = shop.definition();
    document["host"] = json!(format!("localhost:{port}"));
    document["schemes"] = json!(["https"]);
    let properties =
        json!({"connectionParameters": {"certificate": {"type": "clientCertificate"}}});
    shop.import(&document, &properties, &json!({})).await;
    let pfx = |name: &str, own: &rig::authority::Certificate| {
        let file = STANDARD.encode(rig::authority::pfx(own, "sesame").expect("a PFX file"));
        (name.to_owned(), json!({"certificate": {"pfx": file, "password": "sesame"}}))
    };
    let known = authority.issue_client("flow").expect("a certificate");
    let unknown = rig::authority::self_signed(dir.path(), "stranger").expect("a certificate");
    for (name, parameters) in [pfx("one", &known), pfx("two", &unknown)] {
        shop.connect("shared_shop", &name, &parameters, 201).await;
    }
    // from a flow, from outside, and for a test
    let action = shop.run("ListThings", &json!({})).await;
    assert_eq!(
        (&action["status"], &action["code"]),
        (&json!("Succeeded"), &json!("OK")),
        "{action}"
    );
    assert_eq!(shop.call("shop/one/things").await.status, 200);
    let tested = shop.test("shared_shop", "one", 200).await;
    assert_eq!((&tested["status"], &tested["statusCode"]), (&json!("Connected"), &json!(200)));
    // whom nobody has signed is not let in
    assert_eq!(shop.call("shop/two/things").await.status, 502);
    assert_eq!(shop.test("shared_shop", "two", 200).await["status"], "Unknown");
}
