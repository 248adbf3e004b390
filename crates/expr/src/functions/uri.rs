//! Parts of URIs, and text escaped for them.

use super::{Args, Function, values};
use crate::content;
use crate::error::EvalError;
use crate::value::{Str, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use url::{Position, Url};

pub(super) const FUNCTIONS: &[Function] = &[
    values("uriComponent", 1, 1, escape),
    values("encodeUriComponent", 1, 1, escape),
    values("uriComponentToString", 1, 1, unescape),
    values("decodeUriComponent", 1, 1, unescape),
    values("uriComponentToBinary", 1, 1, |args| {
        let bytes: Vec<u8> = percent_decode(args.text(0)?.as_bytes()).collect();
        Ok(content::envelope(content::OCTET_STREAM, &bytes).into())
    }),
    values("uriHost", 1, 1, |args| Ok(Value::from(parse(args)?.host_str().unwrap_or("")))),
    values("uriPath", 1, 1, |args| {
        let uri = parse(args)?;
        Ok(Value::from(if uri.path().is_empty() { "/" } else { uri.path() }))
    }),
    values("uriPathAndQuery", 1, 1, |args| {
        let uri = parse(args)?;
        Ok(Value::from(&uri[Position::BeforePath..Position::AfterQuery]))
    }),
    values("uriPort", 1, 1, |args| {
        // Without a port and with an unknown scheme .NET says -1.
        Ok(Value::Int(parse(args)?.port_or_known_default().map_or(-1, i64::from)))
    }),
    values("uriQuery", 1, 1, |args| {
        let uri = parse(args)?;
        Ok(Value::from(&uri[Position::AfterPath..Position::AfterQuery]))
    }),
    values("uriScheme", 1, 1, |args| Ok(Value::from(parse(args)?.scheme()))),
];

/// What RFC 3986 calls unreserved stays as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text, or a number or boolean, which generated definitions pass for identifiers.
fn scalar(args: &Args<'_>) -> Result<Str, EvalError> {
    match args.get(0) {
        Value::Null | Value::Array(_) | Value::Object(_) => Err(args.wrong(0, "a string")),
        value => Ok(value.text()),
    }
}

fn escape(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let text = scalar(args)?;
    args.check_text_size(text.len().saturating_mul(3))?;
    Ok(Value::from(utf8_percent_encode(&text, ESCAPED).to_string()))
}

fn unescape(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let text = percent_decode(args.text(0)?.as_bytes()).decode_utf8_lossy();
    Ok(Value::from(&*text))
}

fn parse(args: &Args<'_>) -> Result<Url, EvalError> {
    let text = args.text(0)?;
    Url::parse(text).map_err(|error| {
        let shown: String = text.chars().take(100).collect();
        args.error(format_args!("The value '{shown}' is not a valid absolute URI: {error}."))
    })
}
