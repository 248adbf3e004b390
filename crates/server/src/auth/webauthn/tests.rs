//! Hostile authenticators, browsers and pages.

#[path = "../../../tests/support/authenticator.rs"]
mod authenticator;

use super::*;
use authenticator::{Authenticator, CREDENTIAL, EXTENSIONS, Signed, VERIFIED, cbor, client_data};

const CHALLENGE: &[u8] = b"said.by.the.server";
const ID: &str = "flows.example.org";
const ORIGIN: &str = "https://flows.example.org:8443";

fn relying_party() -> RelyingParty {
    RelyingParty::of("https://flows.example.org:8443/below").unwrap()
}

fn registered(client_data: &[u8], attestation: &[u8]) -> Result<NewCredential, Fault> {
    let verification = Verification::NotNeeded;
    let relying_party = &relying_party();
    let expected = Expected { relying_party, challenge: CHALLENGE, verification };
    verify_registration(&expected, client_data, attestation)
}

fn asserted(
    known: &NewCredential,
    given: &Signed,
    verification: Verification,
) -> Result<u32, Fault> {
    let relying_party = &relying_party();
    let expected = Expected { relying_party, challenge: CHALLENGE, verification };
    let credential = Credential { key: &known.key, counter: known.counter };
    let (data, signature) = (given.data.as_slice(), given.signature.as_slice());
    let given = Assertion { client_data: &given.client_data, authenticator_data: data, signature };
    verify_assertion(&expected, credential, &given)
}

/// One that is known.
fn known(authenticator: &Authenticator) -> NewCredential {
    let (client_data, attestation) = authenticator.create(ID, ORIGIN, CHALLENGE);
    registered(&client_data, &attestation).unwrap()
}

fn object_with(data: Vec<u8>) -> Vec<u8> {
    cbor(&Value::Map(Authenticator::object(data)))
}

#[test]
fn each_kind_of_key_is_registered_and_signs() {
    let all = [Authenticator::es256(), Authenticator::eddsa(), Authenticator::rs256()];
    let kinds = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
    for (mut authenticator, kind) in all.into_iter().zip(kinds) {
        let mut known = known(&authenticator);
        assert_eq!((known.algorithm, &known.id), (kind, &authenticator.id));
        let signed = authenticator.get(ID, ORIGIN, CHALLENGE);
        assert_eq!(asserted(&known, &signed, Verification::Required), Ok(2), "{kind:?}");
        // the same again is an older state
        known.counter = 2;
        assert_eq!(asserted(&known, &signed, Verification::Required), Err(Fault::Counter));
        let other = Authenticator::es256().get(ID, ORIGIN, CHALLENGE);
        assert_eq!(asserted(&known, &other, Verification::NotNeeded), Err(Fault::Signature));
    }
}

#[test]
fn counters_rise_or_are_not_there() {
    for (before, now, expected) in [
        (0, 0, Ok(0)),
        (0, 1, Ok(1)),
        (1, 0, Err(Fault::Counter)),
        (5, 5, Err(Fault::Counter)),
        (5, 4, Err(Fault::Counter)),
        (5, u32::MAX, Ok(u32::MAX)),
    ] {
        let mut authenticator = Authenticator::eddsa();
        authenticator.counter = before;
        let known = known(&authenticator);
        authenticator.counter = now;
        let mut data = Sha256::digest(ID.as_bytes()).to_vec();
        data.push(authenticator.flags);
        data.extend(now.to_be_bytes());
        let signed = authenticator.sign(data, client_data("webauthn.get", CHALLENGE, ORIGIN));
        assert_eq!(asserted(&known, &signed, Verification::NotNeeded), expected, "{before} {now}");
    }
}

#[test]
fn what_a_browser_says_has_to_be_of_this_page() {
    let authenticator = Authenticator::es256();
    let (_, attestation) = authenticator.create(ID, ORIGIN, CHALLENGE);
    let known = known(&authenticator);
    let right = |kind: &str| client_data(kind, CHALLENGE, ORIGIN);
    let with = |kind: &str, name: &str, value: serde_json::Value| {
        let mut data: serde_json::Value = serde_json::from_slice(&right(kind)).unwrap();
        data[name] = value;
        data.to_string().into_bytes()
    };
    let twice = |kind: &str| {
        let text = String::from_utf8(right(kind)).unwrap();
        text.replacen('{', "{\"origin\":\"https://evil.example\",", 1).into_bytes()
    };
    for kind in ["webauthn.create", "webauthn.get"] {
        let origin = |it: &str| with(kind, "origin", it.into());
        for (given, fault) in [
            (with(kind, "type", "payment.get".into()), Fault::Type),
            (with(kind, "type", "".into()), Fault::Type),
            (with(kind, "challenge", authenticator::text(b"another").into()), Fault::Challenge),
            (with(kind, "challenge", "".into()), Fault::Challenge),
            (with(kind, "challenge", "c2FpZC5ieS50aGUuc2VydmVy=".into()), Fault::Challenge),
            (origin("https://flows.example.org"), Fault::Origin),
            (origin("http://flows.example.org:8443"), Fault::Origin),
            (origin("https://flows.example.org:8443/"), Fault::Origin),
            (origin("https://flows.example.org.evil.example:8443"), Fault::Origin),
            (origin("https://Flows.example.org:8443"), Fault::Origin),
            (origin("null"), Fault::Origin),
            (with(kind, "crossOrigin", true.into()), Fault::Framed),
            (with(kind, "topOrigin", "https://evil.example".into()), Fault::Framed),
            (with(kind, "origin", 1.into()), Fault::Malformed),
            (twice(kind), Fault::Malformed),
            ([right(kind), b" x".to_vec()].concat(), Fault::Malformed),
            (right(kind)[..20].to_vec(), Fault::Malformed),
            (Vec::new(), Fault::Malformed),
            (b"\xff{}".to_vec(), Fault::Malformed),
            (with(kind, "more", "x".repeat(CLIENT_DATA_BYTES_MAX).into()), Fault::TooLong),
            // nested as deep as there is room
            (b"[".repeat(CLIENT_DATA_BYTES_MAX), Fault::Malformed),
        ] {
            let said = String::from_utf8_lossy(&given).into_owned();
            if kind == "webauthn.create" {
                assert_eq!(registered(&given, &attestation), Err(fault), "{said}");
            } else {
                let data = authenticator.sign(head(&authenticator), given);
                assert_eq!(asserted(&known, &data, Verification::NotNeeded), Err(fault), "{said}");
            }
        }
    }
    // one made for the other
    assert_eq!(registered(&right("webauthn.get"), &attestation), Err(Fault::Type));
    let other = authenticator.sign(head(&authenticator), right("webauthn.create"));
    assert_eq!(asserted(&known, &other, Verification::NotNeeded), Err(Fault::Type));
}

/// Authenticator data of one who signs in.
fn head(authenticator: &Authenticator) -> Vec<u8> {
    data(ID, authenticator.flags, &[0, 0, 0, 9])
}

fn data(id: &str, flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut data = Sha256::digest(id.as_bytes()).to_vec();
    data.push(flags);
    data.extend(rest);
    data
}

#[test]
fn what_an_authenticator_signs_has_to_be_for_this_server() {
    let authenticator = Authenticator::eddsa();
    let known = known(&authenticator);
    let (present, both) = (authenticator::PRESENT, authenticator.flags);
    let count = [0, 0, 0, 9];
    let long = [count.as_slice(), &vec![0; AUTHENTICATOR_DATA_BYTES_MAX]].concat();
    let extended = [count.as_slice(), &cbor(&Value::Map(Vec::new()))].concat();
    let new = authenticator.new_data(ID, &cbor(&Value::Map(authenticator.key())));
    for (given, required, not_needed) in [
        (data(ID, both, &count), None, None),
        (data(ID, both | EXTENSIONS, &extended), None, None),
        (data(ID, present, &count), Some(Fault::NotVerified), None),
        (data(ID, VERIFIED, &count), Some(Fault::NotPresent), Some(Fault::NotPresent)),
        (data(ID, 0, &count), Some(Fault::NotPresent), Some(Fault::NotPresent)),
        (data("example.org", both, &count), Some(Fault::RelyingParty), Some(Fault::RelyingParty)),
        (data("", both, &count), Some(Fault::RelyingParty), Some(Fault::RelyingParty)),
        (data(ID, both | BACKED_UP, &count), Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both | BACKED_UP | BACKUP_ELIGIBLE, &count), None, None),
        (data(ID, both, &count[..3]), Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both, &[0; 5]), Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both, &extended), Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both | EXTENSIONS, &count), Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both | CREDENTIAL, &count), Some(Fault::Malformed), Some(Fault::Malformed)),
        (Vec::new(), Some(Fault::Malformed), Some(Fault::Malformed)),
        (new, Some(Fault::Malformed), Some(Fault::Malformed)),
        (data(ID, both, &long), Some(Fault::TooLong), Some(Fault::TooLong)),
    ] {
        let signed =
            authenticator.sign(given.clone(), client_data("webauthn.get", CHALLENGE, ORIGIN));
        for (verification, fault) in
            [(Verification::Required, required), (Verification::NotNeeded, not_needed)]
        {
            let found = asserted(&known, &signed, verification);
            assert_eq!(found.err(), fault, "{verification:?} {given:?}");
        }
    }
}

#[test]
fn a_signature_is_over_all_of_it() {
    for mut authenticator in [Authenticator::es256(), Authenticator::eddsa()] {
        let known = known(&authenticator);
        let fine = authenticator.get(ID, ORIGIN, CHALLENGE);
        let again = |change: &dyn Fn(&mut Signed)| {
            let mut signed = Signed {
                client_data: fine.client_data.clone(),
                data: fine.data.clone(),
                signature: fine.signature.clone(),
            };
            change(&mut signed);
            asserted(&known, &signed, Verification::NotNeeded)
        };
        assert_eq!(again(&|_| ()), Ok(2));
        // a higher counter, a space more, a bit, an end, nothing
        assert_eq!(again(&|it| it.data[36] = 200), Err(Fault::Signature));
        assert_eq!(again(&|it| it.client_data.push(b' ')), Err(Fault::Signature));
        assert_eq!(again(&|it| it.signature[9] ^= 1), Err(Fault::Signature));
        assert_eq!(again(&|it| it.signature.push(0)), Err(Fault::Signature));
        assert_eq!(again(&|it| it.signature.truncate(63)), Err(Fault::Signature));
        assert_eq!(again(&|it| it.signature.clear()), Err(Fault::Signature));
        let long = PASSKEY_SIGNATURE_BYTES_MAX + 1;
        assert_eq!(again(&|it| it.signature.resize(long, 0)), Err(Fault::TooLong));
    }
}

#[test]
fn a_new_key_is_whole_and_one_that_was_asked_for() {
    let authenticator = Authenticator::es256();
    let (_, fine) = authenticator.create(ID, ORIGIN, CHALLENGE);
    let key = authenticator.key();
    let changed = |label: i64, value: Option<Value>| {
        let mut key = key.clone();
        key.retain(|(name, _)| *name != Value::from(label));
        key.extend(value.map(|value| (Value::from(label), value)));
        object_with(authenticator.new_data(ID, &cbor(&Value::Map(key))))
    };
    let bytes = |length: usize| Some(Value::Bytes(vec![1; length]));
    let mut twice = key.clone();
    twice.push(key[4].clone());
    let twice = object_with(authenticator.new_data(ID, &cbor(&Value::Map(twice))));
    let none = object_with(data(ID, authenticator.flags, &[0; 4]));
    let mut longer = authenticator.new_data(ID, &cbor(&Value::Map(key.clone())));
    longer.push(0);
    for (given, fault) in [
        (none, Fault::Malformed),
        (object_with(longer), Fault::Malformed),
        (fine[..fine.len() - 1].to_vec(), Fault::Malformed),
        ([fine.clone(), vec![0]].concat(), Fault::Malformed),
        (Vec::new(), Fault::Malformed),
        (vec![0x81; 1_000], Fault::Malformed),
        // a map and a text that say they are without end
        (vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Fault::Malformed),
        (vec![0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Fault::Malformed),
        (vec![0xa0; ATTESTATION_BYTES_MAX + 1], Fault::TooLong),
        (twice, Fault::Key),
        (changed(3, Some((-8).into())), Fault::Key),
        (changed(3, Some((-257).into())), Fault::Key),
        (changed(3, Some((-35).into())), Fault::Algorithm),
        (changed(3, Some((-65_535).into())), Fault::Algorithm),
        (changed(3, None), Fault::Key),
        (changed(1, Some(1.into())), Fault::Key),
        (changed(-1, Some(2.into())), Fault::Key),
        (changed(-4, bytes(32)), Fault::Key),
        (changed(-3, None), Fault::Key),
        (changed(-3, bytes(31)), Fault::Key),
        // not on the curve
        (changed(-3, bytes(32)), Fault::Key),
        (changed(-3, Some("y".into())), Fault::Key),
    ] {
        let client_data = client_data("webauthn.create", CHALLENGE, ORIGIN);
        assert_eq!(registered(&client_data, &given), Err(fault), "{given:?}");
    }
}

#[test]
fn an_attestation_object_has_its_three_members() {
    let authenticator = Authenticator::eddsa();
    let data = authenticator.new_data(ID, &cbor(&Value::Map(authenticator.key())));
    let fine = Authenticator::object(data);
    let client_data = client_data("webauthn.create", CHALLENGE, ORIGIN);
    let try_it = |object: Vec<(Value, Value)>| {
        registered(&client_data, &cbor(&Value::Map(object))).map(|known| known.algorithm)
    };
    assert_eq!(try_it(fine.clone()), Ok(Algorithm::EdDsa));
    let mut packed = fine.clone();
    packed[0].1 = "packed".into();
    packed[1].1 = Value::Map(vec![("sig".into(), Value::Bytes(vec![0; 70]))]);
    // a statement that nobody asked for is not looked at
    assert_eq!(try_it(packed.clone()), Ok(Algorithm::EdDsa));
    packed[0].1 = "none".into();
    assert_eq!(try_it(packed), Err(Fault::Malformed));
    for at in 0..3 {
        let mut less = fine.clone();
        let gone = less.remove(at);
        assert_eq!(try_it(less.clone()), Err(Fault::Malformed));
        let twice = [fine.clone(), vec![gone.clone()]].concat();
        assert_eq!(try_it(twice), Err(Fault::Malformed));
        less.push((gone.0, Value::Null));
        assert_eq!(try_it(less), Err(Fault::Malformed));
    }
    let more = [fine.clone(), vec![("more".into(), Value::Null)]].concat();
    assert_eq!(try_it(more), Err(Fault::Malformed));
    let mut deep = Value::Null;
    for _ in 0..CBOR_DEPTH_MAX {
        deep = Value::Array(vec![deep]);
    }
    let mut nested = fine;
    nested[0].1 = "packed".into();
    nested[1].1 = Value::Map(vec![("x".into(), deep)]);
    assert_eq!(try_it(nested), Err(Fault::Malformed));
}

#[test]
fn ids_have_their_length() {
    let mut authenticator = Authenticator::eddsa();
    for (length, fault) in [
        (0, Some(Fault::Malformed)),
        (1, None),
        (CREDENTIAL_ID_BYTES_MAX, None),
        (CREDENTIAL_ID_BYTES_MAX + 1, Some(Fault::TooLong)),
    ] {
        authenticator.id = vec![7; length];
        let (client_data, attestation) = authenticator.create(ID, ORIGIN, CHALLENGE);
        assert_eq!(registered(&client_data, &attestation).err(), fault, "{length}");
    }
    // longer than what is there
    let client_data = client_data("webauthn.create", CHALLENGE, ORIGIN);
    authenticator.id = vec![7; 20];
    let given = object_with(authenticator.new_data(ID, &[])[..60].to_vec());
    assert_eq!(registered(&client_data, &given), Err(Fault::Malformed));
}

#[test]
fn whatever_is_cut_or_changed_is_refused_or_still_whole() {
    let mut authenticator = Authenticator::eddsa();
    let known = known(&authenticator);
    let signed = authenticator.get(ID, ORIGIN, CHALLENGE);
    let with = |client_data: &[u8], data: &[u8]| {
        let (client_data, data) = (client_data.to_vec(), data.to_vec());
        let given = Signed { client_data, data, signature: signed.signature.clone() };
        asserted(&known, &given, Verification::NotNeeded)
    };
    for at in 0..signed.data.len() * 8 {
        let mut data = signed.data.clone();
        data[at / 8] ^= 1 << (at % 8);
        assert!(with(&signed.client_data, &data).is_err(), "bit {at}");
    }
    for at in 0..signed.client_data.len() * 8 {
        let mut client_data = signed.client_data.clone();
        client_data[at / 8] ^= 1 << (at % 8);
        assert!(with(&client_data, &signed.data).is_err(), "bit {at}");
    }
    let (client_data, attestation) = authenticator.create(ID, ORIGIN, CHALLENGE);
    for length in 0..attestation.len() {
        assert!(registered(&client_data, &attestation[..length]).is_err(), "{length} bytes");
    }
    for at in 0..attestation.len() * 8 {
        let mut changed = attestation.clone();
        changed[at / 8] ^= 1 << (at % 8);
        // nothing is signed here: what is taken is another id, key or counter, and whole
        if let Ok(new) = registered(&client_data, &changed) {
            assert_eq!(new.id.len(), known.id.len(), "bit {at}");
            assert!(PublicKey::read(&new.key).is_ok(), "bit {at}");
        }
    }
}

#[test]
fn passkeys_need_a_name_and_a_safe_connection() {
    let of = |url: &str| RelyingParty::of(url).map(|it| (it.id, it.origin));
    let pair = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
    for (url, expected) in [
        ("https://flows.example.org", pair(ID, "https://flows.example.org")),
        ("https://Flows.Example.org:443/x/", pair(ID, "https://flows.example.org")),
        ("https://flows.example.org:8443", pair(ID, ORIGIN)),
        ("http://localhost:5678", pair("localhost", "http://localhost:5678")),
        ("http://flows.localhost:1", pair("flows.localhost", "http://flows.localhost:1")),
        ("http://flows.example.org", None),
        ("http://127.0.0.1:5678", None),
        ("https://192.0.2.1", None),
        ("https://[::1]", None),
        ("file:///x", None),
        ("", None),
    ] {
        assert_eq!(of(url), expected, "{url}");
    }
}
