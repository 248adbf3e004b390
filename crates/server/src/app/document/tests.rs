use super::*;
use crate::auth::seal::KEY_BYTES;

const AT: DocumentAt<'_> = ("flow", 3);

fn sealer() -> Sealer {
    Sealer::with_key(&[7; KEY_BYTES])
}

fn document() -> Document {
    let parameters = expr::json::parse(br#"{"secret": "tulip", "plain": "rose"}"#).unwrap();
    let text = br#"{"definition": {"password": "violet"}}"#.to_vec();
    Document { text, parameters: Some(parameters), dialect: Dialect::PowerAutomate }
}

fn check(opened: &Document) {
    let Document { text, parameters, dialect } = document();
    assert_eq!((&opened.text, &opened.parameters), (&text, &parameters));
    assert_eq!(opened.dialect, dialect);
}

#[test]
fn a_document_opens_for_its_version_only() {
    let stored = document().seal(&sealer(), AT).unwrap();
    for word in ["tulip", "rose", "violet", "password", "definition"] {
        assert!(!stored.windows(word.len()).any(|it| it == word.as_bytes()), "{word}");
    }
    check(&Document::open(&stored, &sealer(), AT).unwrap());
    assert!(Document::seal_anew(&stored, &sealer(), AT).unwrap().is_none());
    for other in [("flow", 2), ("flow2", 3), ("", 3)] {
        assert!(Document::open(&stored, &sealer(), other).is_err(), "{other:?}");
    }
    let stranger = Sealer::with_key(&[8; KEY_BYTES]);
    let refused = Document::open(&stored, &stranger, AT).err().unwrap();
    assert!(matches!(refused, SealError::UnknownKey(_)), "{refused}");
    for cut in 0..stored.len() {
        assert!(Document::open(&stored[..cut], &sealer(), AT).is_err(), "{cut}");
    }
    // what was sealed elsewhere with the same key is no document of it
    let other = sealer().seal_content(Place::Upload("flow"), &compress(b"\x01")).unwrap();
    assert!(Document::open(&other, &sealer(), AT).is_err());
}

/// As documents were stored, with the values of secure parameters sealed and without any.
fn old_forms() -> [Vec<u8>; 2] {
    let Document { text, parameters, dialect } = document();
    let mut plain = vec![dialect_number(dialect)];
    expr::codec::put(parameters.as_ref().unwrap(), &mut plain);
    plain.extend_from_slice(&text);
    let mut secret = Vec::new();
    expr::codec::put(&expr::json::parse(br#"{"secret": "tulip"}"#).unwrap(), &mut secret);
    let secret = sealer().seal("parameters of flow", &secret).unwrap();
    let mut sealed = vec![dialect_number(dialect) | HAS_SEALED];
    let open = expr::json::parse(br#"{"secret": "", "plain": "rose"}"#).unwrap();
    expr::codec::put(&open, &mut sealed);
    sealed.extend_from_slice(&u32::try_from(secret.len()).unwrap().to_le_bytes());
    sealed.extend_from_slice(&secret);
    sealed.extend_from_slice(&text);
    [compress(&plain), compress(&sealed)]
}

#[test]
fn documents_from_before_open_and_are_sealed_anew() {
    for old in old_forms() {
        check(&Document::open(&old, &sealer(), AT).unwrap());
        let anew = Document::seal_anew(&old, &sealer(), AT).unwrap().unwrap();
        assert_eq!(anew[0], SEALED);
        check(&Document::open(&anew, &sealer(), AT).unwrap());
    }
}
