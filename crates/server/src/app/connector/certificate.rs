//! Certificates that somebody gives: PFX files.

use crate::app::error::AppError;
use ::connector::definition::{ParameterKind, ParameterSet};
use ::connector::http::pfx::Pfx;
use ::connector::http::{PfxFile, Secret};
use serde_json::{Map, Value};

/// What somebody gives as `{"pfx", "password"}`.
pub fn file(given: &Value) -> PfxFile {
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    PfxFile { content: Secret::new(text("pfx")), password: Secret::new(text("password")) }
}

/// The certificate that a connection shows its service in the handshake, if it has one: not
/// one with which it asks for tokens.
pub fn shown(set: &ParameterSet, values: &Map<String, Value>) -> Option<PfxFile> {
    let beside = set.sign_in().map(|(parameter, _)| format!("{}:", parameter.name));
    let is_for_tokens = |name: &str| beside.as_ref().is_some_and(|it| name.starts_with(it));
    let mut theirs = set.parameters.iter();
    let theirs =
        theirs.find(|it| it.kind == ParameterKind::Certificate && !is_for_tokens(&it.name))?;
    values.get(&theirs.name).map(file)
}

/// Opens it and answers the certificate's SHA-256, hexadecimal as the directory has it. Its
/// key is in the file too: who gives it could sign with it.
///
/// # Errors
/// It is no such file, the password is wrong, or there is no key in it.
pub async fn thumbprint(given: &Value) -> Result<String, AppError> {
    let opened = Pfx::open(&file(given)).await.map_err(|fault| {
        let mut text = fault.to_string();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        AppError::invalid("InvalidCertificate", format!("{text}."))
    })?;
    Ok(opened.thumbprint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_such_file_is_refused() {
        let error = thumbprint(&serde_json::json!({"pfx": "%%%"})).await.unwrap_err();
        assert_eq!(error.code, "InvalidCertificate");
        assert_eq!(error.message, "The PFX file is not base64.");
    }
}
