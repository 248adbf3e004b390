//! What answers look like, for the document of this API. Handlers build their answers as JSON;
//! the contract test holds each of them against its shape.

use serde::Serialize;
use utoipa::ToSchema;

/// Says what answers look like: members in the order of the wire, those that may be missing
/// as `Option`. Nothing that is not named here may be in them.
macro_rules! shape {
    ($($(#[$about:meta])* $name:ident { $($member:ident: $of:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($member: $of,)* }
    )*};
}

/// Bytes, as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Binary(#[expect(dead_code, reason = "it describes what is built elsewhere")] Vec<u8>);

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct List<T> {
    value: Vec<T>,
    /// Where the next page is, when there is one.
    next_link: Option<String>,
}

shape! {
    /// What is wrong, and where.
    ErrorAnswer { error: ErrorInfoAnswer, }

    /// A code for programs, a sentence for people.
    ErrorInfoAnswer { code: String, message: String, details: Option<Vec<ProblemAnswer>>, }

    /// A place in a definition, and what is wrong there.
    ProblemAnswer {
        severity: String,
        code: String,
        path: String,
        message: String,
        offset: Option<u64>,
        expected: Option<String>,
    }
}
