//! Who may call and what they may do: tokens, passwords, signatures of addresses, the table
//! of rights, and the sealing of secrets.

pub mod assertion;
pub mod caller;
pub mod issuer;
pub mod jwt;
pub mod mac;
pub mod password;
pub mod policy;
pub mod seal;
pub mod signature;
pub mod token;
pub mod totp;
pub mod webauthn;
