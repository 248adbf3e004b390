//! What can go wrong with a store, by what the caller can do.

/// An error of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The queue is full: try again later. Nothing was accepted.
    #[error("the store is busy, try again later")]
    Busy,
    /// Something with this name or key is there, or a row has changed meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// The disk is full. Nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The database cannot be reached or failed. Nothing was changed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The answer was lost: what was asked may have been made durable, or not.
    #[error("the store's answer was lost: {0}")]
    Unknown(String),
    /// What is stored cannot be read.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The data was written by a newer version.
    #[error("{0}")]
    Version(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
