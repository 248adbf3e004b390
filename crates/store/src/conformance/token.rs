//! Who may call the API.

use super::StoreFactory;
use super::sample::{START, open};
use crate::{StoreError, TokenRow};

pub async fn tokens_are_listed_and_their_names_unique(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.tokens().await, Ok(vec![]));
    let token = |name: &str, byte: u8| TokenRow {
        name: name.to_owned(),
        hash: vec![byte; 32],
        created: START,
    };
    store.add_token(token("operator", 1)).await.expect("it is added");
    store.add_token(token("build", 2)).await.expect("it is added");
    let again = store.add_token(token("operator", 3)).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let tokens = store.tokens().await;
    assert_eq!(tokens, Ok(vec![token("build", 2), token("operator", 1)]));
}
