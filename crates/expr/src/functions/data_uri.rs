//! Data URIs: `data:text/plain;charset=utf-8;base64,aGVsbG8=`.

use super::{Args, Function, values};
use crate::charset::Charset;
use crate::content;
use crate::error::EvalError;
use crate::json;
use crate::value::Value;
use percent_encoding::percent_decode;
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[Function] = &[
    values("dataUri", 1, 1, encode),
    values("dataUriToBinary", 1, 1, to_binary),
    values("decodeDataUri", 1, 1, to_binary),
    values("dataUriToString", 1, 1, to_text),
];

fn encode(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let uri = |content_type: &str, content: &str| format!("data:{content_type};base64,{content}");
    Ok(Value::from(match args.get(0) {
        Value::Null => return Err(args.wrong(0, "a value that is not null")),
        Value::String(text) => {
            uri("text/plain;charset=utf-8", &content::encode_base64(text.as_bytes()))
        }
        value => {
            let envelope = value.as_object().and_then(|object| {
                let content_type = object.get_exact(content::CONTENT_TYPE)?.as_str()?;
                Some((content_type, content::envelope_content(object)?))
            });
            match envelope {
                Some((content_type, content)) => uri(content_type, content),
                None => {
                    let bytes = json::to_vec(value);
                    uri("application/json;charset=utf-8", &content::encode_base64(&bytes))
                }
            }
        }
    }))
}

/// A data URI, cut into its parts.
struct DataUri<'a> {
    /// `type/subtype`, or text that should be that, or nothing.
    media: &'a str,
    params: Vec<&'a str>,
    charset: Option<Charset>,
    is_base64: bool,
    data: &'a str,
}

impl<'a> DataUri<'a> {
    fn parse(uri: &'a str) -> Result<Self, String> {
        let scheme = uri.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:"));
        scheme.ok_or("It does not begin with 'data:'.")?;
        let (head, data) = uri[5..].split_once(',').ok_or("It has no comma before the data.")?;
        let mut fields: Vec<&str> = head.split(';').collect();
        // Only as the last field does the word say how the data is written.
        let is_base64 = fields.last().is_some_and(|last| last.eq_ignore_ascii_case("base64"));
        if is_base64 {
            fields.pop();
        }
        let mut fields = fields.into_iter();
        let media = fields.next().unwrap_or("");
        let params: Vec<&str> = fields.collect();
        let mut charset = None;
        for param in &params {
            if param.is_empty() {
                return Err("It has an empty parameter.".to_owned());
            }
            if let Some((name, value)) = param.split_once('=')
                && name.eq_ignore_ascii_case("charset")
            {
                let known = Charset::find(value);
                charset =
                    Some(known.ok_or_else(|| format!("The charset '{value}' is not known."))?);
            }
        }
        Ok(DataUri { media, params, charset, is_base64, data })
    }

    /// The content type with its parameters, checked.
    fn content_type(&self) -> Result<String, String> {
        let media = if self.media.is_empty() { "text/plain" } else { self.media };
        let is_token = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*%'`|~".contains(&byte))
        };
        let is_media = media
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        if !is_media {
            return Err(format!("The content type '{media}' is not valid."));
        }
        let mut content_type = media.to_owned();
        for param in &self.params {
            if param.split('=').count() > 2 {
                return Err(format!("The parameter '{param}' is not valid."));
            }
            content_type.push(';');
            content_type.push_str(param);
        }
        Ok(content_type)
    }

    /// The data of a URI that is not base64: percent escapes and `+` decoded.
    fn unescaped(&self) -> Vec<u8> {
        let spaced: Cow<'_, str> = if self.data.contains('+') {
            self.data.replace('+', " ").into()
        } else {
            self.data.into()
        };
        percent_decode(spaced.as_bytes()).collect()
    }

    /// A charset as the only parameter before `;base64` must be UTF-8; observed, and
    /// only where the result is text.
    fn check_short_form(&self) -> Result<(), String> {
        if self.is_base64
            && self.params.len() == 1
            && self.charset.is_some_and(|c| c != Charset::Utf8)
        {
            return Err("Its charset is not supported in this form.".to_owned());
        }
        Ok(())
    }
}

fn invalid(args: &Args<'_>, detail: &str) -> EvalError {
    args.error(format_args!("The provided value is not a valid data URI. {detail}"))
}

fn to_binary(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let uri = DataUri::parse(args.text(0)?).map_err(|detail| invalid(args, &detail))?;
    let content_type = uri.content_type().map_err(|detail| invalid(args, &detail))?;
    let content = if uri.is_base64 {
        // Kept as it is: what is wrong with it shows when it is used.
        uri.data.to_owned()
    } else {
        content::encode_base64(&uri.unescaped())
    };
    Ok(content::envelope_of_base64(&content_type, content).into())
}

fn to_text(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let uri = DataUri::parse(args.text(0)?).map_err(|detail| invalid(args, &detail))?;
    uri.check_short_form().map_err(|detail| invalid(args, &detail))?;
    let bytes = if uri.is_base64 {
        content::decode_base64(uri.data).ok_or_else(|| invalid(args, "The data is not base64."))?
    } else {
        uri.unescaped()
    };
    Ok(Value::from(uri.charset.unwrap_or(Charset::Utf8).decode(&bytes)))
}
