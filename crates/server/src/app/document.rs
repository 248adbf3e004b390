//! A version's document as it is stored: its text as it was given, and the values given for
//! its parameters.
//!
//! A definition may hold secrets anywhere: passwords of calls, defaults of secure parameters,
//! keys in addresses. So all of it is sealed, whatever it says, like a history: with a data
//! key, for the one version that it is of.

use super::catalog::{dialect_number, dialect_of};
use crate::auth::seal::{Place, SealError, Sealer};
use durable::codec::{SEALED, compress, decompress_limited};
use expr::{Object, Value};
use flow::definition::Dialect;
use flow::limits::DOCUMENT_BYTES_MAX;
use std::borrow::Cow;

/// Text and values together.
const BYTES_MAX: usize = DOCUMENT_BYTES_MAX * 2;

/// A flow's id, and the number of a version.
pub type DocumentAt<'a> = (&'a str, u32);

/// A document.
pub struct Document {
    pub text: Vec<u8>,
    pub parameters: Option<Value>,
    pub dialect: Dialect,
}

impl Document {
    /// As it is stored.
    pub fn seal(&self, sealer: &Sealer, at: DocumentAt<'_>) -> Result<Vec<u8>, SealError> {
        let mut bytes = Vec::with_capacity(self.text.len() + 64);
        bytes.push(dialect_number(self.dialect));
        expr::codec::put(self.parameters.as_ref().unwrap_or(&Value::Null), &mut bytes);
        bytes.extend_from_slice(&self.text);
        sealer.seal_content(place(at), &compress(&bytes))
    }

    /// Opens a stored document.
    pub fn open(stored: &[u8], sealer: &Sealer, at: DocumentAt<'_>) -> Result<Document, SealError> {
        let packed = match stored.first() {
            Some(&SEALED) => Cow::Owned(sealer.open_content(place(at), stored)?),
            _ => Cow::Borrowed(stored),
        };
        let bytes = decompress_limited(&packed, BYTES_MAX).map_err(|_| SealError::Damaged)?;
        let (first, mut rest) = bytes.split_first().ok_or(SealError::Damaged)?;
        let mut parameters = expr::codec::take(&mut rest).map_err(|_| SealError::Damaged)?;
        if first & HAS_SEALED != 0 {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(SealError::Damaged)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (secret, text) = after.split_at_checked(length).ok_or(SealError::Damaged)?;
            parameters = with_sealed(&parameters, secret, (sealer, at.0))?;
            rest = text;
        }
        let parameters = Some(parameters).filter(|parameters| !parameters.is_null());
        let dialect = dialect_of(first & !HAS_SEALED);
        Ok(Document { text: rest.to_vec(), parameters, dialect })
    }

    /// One from before documents were sealed, as it is stored now. `None`: it is already.
    pub fn seal_anew(
        stored: &[u8],
        sealer: &Sealer,
        at: DocumentAt<'_>,
    ) -> Result<Option<Vec<u8>>, SealError> {
        if stored.first() == Some(&SEALED) {
            return Ok(None);
        }
        Document::open(stored, sealer, at)?.seal(sealer, at).map(Some)
    }
}

fn place<'a>((flow, number): DocumentAt<'a>) -> Place<'a> {
    Place::Document(flow, number)
}

/// In the first byte of documents from before they were sealed: values of secure parameters
/// are, by themselves, and follow the others.
const HAS_SEALED: u8 = 0x80;

/// The values of an old document with those that are sealed.
fn with_sealed(
    open: &Value,
    secret: &[u8],
    (sealer, flow): (&Sealer, &str),
) -> Result<Value, SealError> {
    let opened = sealer.open_secret(&format!("parameters of {flow}"), secret)?;
    let sealed = expr::codec::take(&mut opened.as_slice()).map_err(|_| SealError::Damaged)?;
    let mut all = open.as_object().map(|it| Object::clone(it)).unwrap_or_default();
    for (name, value) in sealed.as_object().into_iter().flat_map(|it| it.iter()) {
        all.insert(name.clone(), value.clone());
    }
    Ok(all.into())
}

#[cfg(test)]
mod tests;
