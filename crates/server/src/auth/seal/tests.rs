use super::*;
use durable::{Partition, ProcessId};

fn opened(master: &MasterKey, ring: &Ring, revision: i64) -> Sealer {
    Sealer::open(master.clone(), &ring.record(revision).unwrap(), false).unwrap()
}

#[test]
fn a_secret_opens_for_its_owner_only() {
    let master = MasterKey::generate().unwrap();
    let ring = Ring::first(&master, false, 1).unwrap();
    let sealer = opened(&master, &ring, 1);
    let sealed = sealer.seal("flow a", b"key").unwrap();
    assert!(!sealed.windows(3).any(|window| window == b"key"));
    let again = opened(&master, &ring, 1);
    assert_eq!(again.open_secret("flow a", &sealed).unwrap().as_slice(), b"key");
    assert!(again.open_secret("flow b", &sealed).is_err());
    assert!(again.open_secret("flow a", &sealed[..20]).is_err());
    let other = Ring::first(&master, false, 1).unwrap();
    let elsewhere = opened(&master, &other, 1);
    let error = elsewhere.open_secret("flow a", &sealed).unwrap_err();
    assert!(matches!(error, SealError::UnknownKey(_)), "{error}");
    let wrong = MasterKey::generate().unwrap();
    assert!(Sealer::open(wrong, &ring.record(1).unwrap(), false).is_err());
}

#[test]
fn what_the_master_key_sealed_itself_still_opens() {
    let master = MasterKey::generate().unwrap();
    let new = master.seal(b"flow a", b"key").unwrap();
    // as it was stored before keys had ids
    let old = &new[HEAD..];
    let ring = Ring::first(&master, true, 1).unwrap();
    let sealer = opened(&master, &ring, 1);
    assert_eq!(sealer.open_secret("flow a", old).unwrap().as_slice(), b"key");
    assert!(sealer.open_secret("flow b", old).is_err());
    let anew = sealer.reseal("flow a", old).unwrap().expect("another key");
    assert!(sealer.reseal("flow a", &anew).unwrap().is_none());
}

#[test]
fn a_rotation_keeps_everything_readable() {
    let master = MasterKey::generate().unwrap();
    let mut ring = Ring::first(&master, false, 1).unwrap();
    let before = opened(&master, &ring, 1);
    let process = ProcessId::new(5, Partition(3), 9);
    let place = Place::Chunk(process, 1);
    let (secret, chunk) =
        (before.seal("a", b"x").unwrap(), before.seal_content(place, b"events").unwrap());
    let hash = [7; 32];
    let name = before.payload_name(&hash).unwrap();
    assert_ne!(name, hash);
    ring.add_keys(&master, 2).unwrap();
    let between = opened(&master, &ring, 2);
    let error = before.open_secret("a", &between.seal("a", b"x").unwrap()).unwrap_err();
    assert!(matches!(error, SealError::UnknownKey(_)), "{error}");
    assert_eq!(between.open_secret("a", &secret).unwrap().as_slice(), b"x");
    let anew = between.reseal("a", &secret).unwrap().expect("the new key");
    assert_eq!(ring.reseal_data_keys(&master).unwrap(), 1);
    assert_eq!(ring.reseal_data_keys(&master).unwrap(), 0);
    ring.retire_old_keys(&master, 3).unwrap();
    assert!(!ring.forget_retired(3) && ring.forget_retired(4));
    let after = opened(&master, &ring, 3);
    assert!(after.open_secret("a", &secret).is_err());
    assert_eq!(after.open_secret("a", &anew).unwrap().as_slice(), b"x");
    assert_eq!(after.open_content(place, &chunk).unwrap(), b"events");
    assert!(after.payload_names(&hash).contains(&name));
    // what was marked before is known, and what is marked now is so by the new key
    let derived = after.derive_all(b"links");
    assert_eq!(derived.first(), Some(&after.derive(b"links")));
    assert!(derived.contains(&before.derive(b"links")) && derived.len() == 2);
    for other in [
        Place::Chunk(process, 2),
        Place::Snapshot(process, 1),
        Place::Message(process, None, 1),
        Place::Chunk(ProcessId::new(5, Partition(3), 8), 1),
    ] {
        assert!(after.open_content(other, &chunk).is_err(), "{other:?}");
    }
}

#[test]
fn another_master_key_is_let_in_by_the_one_before() {
    let (old, new) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
    let mut ring = Ring::first(&old, false, 1).unwrap();
    let secret = opened(&old, &ring, 1).seal("a", b"x").unwrap();
    assert!(!ring.is_for(&new));
    assert!(ring.add_master(&old, &new).unwrap() && !ring.add_master(&old, &new).unwrap());
    for master in [&old, &new] {
        let opened = opened(master, &ring, 2).open_secret("a", &secret).unwrap();
        assert_eq!(opened.as_slice(), b"x");
    }
    ring.add_keys(&new, 3).unwrap();
    ring.retire_old_keys(&new, 4).unwrap();
    assert!(ring.is_for(&new) && !ring.is_for(&old));
}
