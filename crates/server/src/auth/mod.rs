//! Who may call: tokens, signatures of addresses, and the sealing of secrets.

pub mod seal;
pub mod signature;
pub mod token;
