//! Base64, and values as bytes in content envelopes.

use super::{Args, Function, values};
use crate::content;
use crate::error::EvalError;
use crate::json;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    values("base64", 1, 1, encode),
    values("encodeBase64", 1, 1, encode),
    values("base64ToString", 1, 1, decode),
    values("decodeBase64", 1, 1, decode),
    values("base64ToJson", 1, 1, |args| {
        let bytes = decoded(args)?;
        json::parse(&bytes).map_err(|error| {
            args.error(format_args!("The provided value cannot be parsed as JSON: {error}."))
        })
    }),
    values("base64ToBinary", 1, 1, |args| {
        decoded(args)?;
        // The text is kept as it is, with its blanks.
        let text = args.text(0)?.to_string();
        Ok(content::envelope_of_base64(content::OCTET_STREAM, text).into())
    }),
    values("binary", 1, 1, |args| {
        let bytes = bytes(args)?;
        Ok(content::envelope(content::OCTET_STREAM, &bytes).into())
    }),
];

/// The bytes of the first argument, which must not be null.
fn bytes(args: &Args<'_>) -> Result<Vec<u8>, EvalError> {
    match args.get(0) {
        Value::Null => Err(args.wrong(0, "a value that is not null")),
        value => content::bytes_of(value).map_err(|error| args.error(error)),
    }
}

fn encode(args: &mut Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::from(content::encode_base64(&bytes(args)?)))
}

fn decoded(args: &Args<'_>) -> Result<Vec<u8>, EvalError> {
    content::decode_base64(args.text(0)?)
        .ok_or_else(|| args.error("The value cannot be decoded from base64 representation."))
}

fn decode(args: &mut Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::from(String::from_utf8_lossy(&decoded(args)?).into_owned()))
}
