//! The server's own values.

use super::StoreFactory;
use super::sample::open;

pub async fn a_setting_is_read_as_it_was_set(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.setting("secret key").await, Ok(None));
    store.set_setting("secret key", &[0, 1, 255]).await.expect("it is set");
    store.set_setting("empty", &[]).await.expect("it is set");
    assert_eq!(store.setting("secret key").await, Ok(Some(vec![0, 1, 255])));
    assert_eq!(store.setting("empty").await, Ok(Some(vec![])));
    store.set_setting("secret key", b"other").await.expect("it is replaced");
    assert_eq!(store.setting("secret key").await, Ok(Some(b"other".to_vec())));
    store.ping().await.expect("it answers");
}

pub async fn a_setting_that_is_there_stays(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.setting_or("name", b"first").await, Ok(b"first".to_vec()));
    assert_eq!(store.setting_or("name", b"second").await, Ok(b"first".to_vec()));
    assert_eq!(store.setting("name").await, Ok(Some(b"first".to_vec())));
}
