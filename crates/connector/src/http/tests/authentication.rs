//! Reading the `authentication` object.

use expr::{Object, Value};

use crate::http::{Authentication, ClientCredential, OAuthClient, PfxFile, Secret};

fn object(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), Value::from(*value)))
        .collect::<Object>()
        .into()
}

fn read(pairs: &[(&str, &str)]) -> Result<Authentication, String> {
    Authentication::from_value(&object(pairs))
}

#[test]
fn absence_is_none() {
    for value in [Value::Null, Object::new().into(), object(&[("type", "none")])] {
        assert_eq!(Authentication::from_value(&value), Ok(Authentication::None));
    }
}

#[test]
fn every_kind_is_read_whatever_its_case() {
    assert_eq!(
        read(&[("type", "BASIC"), ("userName", "me"), ("password", "pw")]),
        Ok(Authentication::Basic { username: "me".to_owned(), password: Secret::new("pw") })
    );
    assert_eq!(
        read(&[("Type", "raw"), ("value", "Key 1")]),
        Ok(Authentication::Raw { value: Secret::new("Key 1") })
    );
    assert_eq!(
        read(&[("type", "ClientCertificate"), ("pfx", "AAAA"), ("password", "pw")]),
        Ok(Authentication::ClientCertificate(PfxFile {
            content: Secret::new("AAAA"),
            password: Secret::new("pw")
        }))
    );
    assert_eq!(
        read(&[("type", "ClientCertificate"), ("pfx", "AAAA")]),
        Ok(Authentication::ClientCertificate(PfxFile {
            content: Secret::new("AAAA"),
            password: Secret::default()
        }))
    );
}

#[test]
fn oauth_has_a_default_authority() {
    let mut pairs = vec![
        ("type", "ActiveDirectoryOAuth"),
        ("tenant", "t"),
        ("audience", "https://graph.example"),
        ("clientId", "c"),
        ("credentialType", "Secret"),
        ("secret", "s"),
    ];
    let expected = |authority: &str| {
        Ok(Authentication::ActiveDirectoryOAuth(OAuthClient {
            tenant: "t".to_owned(),
            audience: "https://graph.example".to_owned(),
            client_id: "c".to_owned(),
            credential: ClientCredential::Secret(Secret::new("s")),
            authority: authority.to_owned(),
        }))
    };
    assert_eq!(read(&pairs), expected("https://login.microsoftonline.com"));
    pairs.push(("authority", "https://login.example/"));
    assert_eq!(read(&pairs), expected("https://login.example/"));
}

#[test]
fn oauth_takes_a_certificate_instead_of_a_secret() {
    let pairs = [
        ("type", "ActiveDirectoryOAuth"),
        ("tenant", "t"),
        ("audience", "https://graph.example"),
        ("clientId", "c"),
        ("pfx", "AAAA"),
        ("password", "pw"),
    ];
    for more in [&[("credentialType", "Certificate")][..], &[]] {
        let Ok(Authentication::ActiveDirectoryOAuth(client)) = read(&[&pairs[..], more].concat())
        else {
            panic!("{more:?}")
        };
        let file = PfxFile { content: Secret::new("AAAA"), password: Secret::new("pw") };
        assert_eq!(client.credential, ClientCredential::Certificate(file));
    }
}

#[test]
fn numbers_count_as_their_digits() {
    let mut object = Object::new();
    object.insert("type", "Basic");
    object.insert("username", 12);
    object.insert("password", 3456);
    assert_eq!(
        Authentication::from_value(&object.into()),
        Ok(Authentication::Basic { username: "12".to_owned(), password: Secret::new("3456") })
    );
}

#[test]
fn what_is_wrong_is_said_without_secrets() {
    let table: [(&[(&str, &str)], &str); 9] = [
        (&[("username", "me")], "no 'type'"),
        (&[("type", "Digest"), ("password", "secret!")], "is 'Digest'"),
        (&[("type", "Basic"), ("username", "me")], "no 'password'"),
        (&[("type", "Basic"), ("password", "secret!")], "no 'username'"),
        (&[("type", "Raw")], "no 'value'"),
        (&[("type", "ClientCertificate"), ("pfx", "secret!")], "base64"),
        (&[("type", "ManagedServiceIdentity")], "not available outside Azure"),
        (
            &[("type", "ActiveDirectoryOAuth"), ("tenant", "t"), ("secret", "secret!")],
            "no 'audience'",
        ),
        (
            &[
                ("type", "ActiveDirectoryOAuth"),
                ("credentialType", "Certificate"),
                ("pfx", "secret!"),
            ],
            "not base64",
        ),
    ];
    for (pairs, part) in table {
        let error = read(pairs).unwrap_err();
        assert!(error.contains(part) && !error.contains("secret!"), "{error}");
    }
    let not_objects = [Value::from("secret!"), Value::from(1), Value::array(vec![])];
    for value in not_objects {
        let error = Authentication::from_value(&value).unwrap_err();
        assert!(error.contains("expected an object") && !error.contains("secret!"), "{error}");
    }
    let mut wrong_kind = Object::new();
    wrong_kind.insert("type", "Raw");
    wrong_kind.insert("value", vec![Value::from("secret!")]);
    let error = Authentication::from_value(&wrong_kind.into()).unwrap_err();
    assert_eq!(error, "'authentication.value' is of type Array; expected a string.");
}
