//! What applications prove themselves with: secrets and certificates.

use super::Application;
use super::application::{ClientCertificate, ClientSecret, PARTS_MAX};
use crate::app::data::{Change, Known};
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Bytes of a certificate.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1_024;

/// A secret as it is shown.
pub struct SecretView {
    pub id: String,
    /// Ticks.
    pub created: i64,
    pub expires: Option<i64>,
}

impl Application {
    /// Its secrets, without what is secret of them.
    #[must_use]
    pub fn secret_views(&self) -> Vec<SecretView> {
        let view = |it: &ClientSecret| SecretView {
            id: it.id.clone(),
            created: it.created,
            expires: it.expires,
        };
        self.secrets.iter().map(view).collect()
    }
}

impl App {
    /// Gives an application a new secret, which is answered now and never again.
    pub async fn add_secret(
        &self,
        caller: &Caller,
        name: &str,
        lasts_seconds: Option<i64>,
    ) -> Result<(SecretView, String), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        super::check_lifetime(lasts_seconds)?;
        let mut application = self.application_as_admin(name).await?;
        if application.is_public {
            let message = "A public application has no secret: it could not keep one.";
            return Err(AppError::invalid("ApplicationIsPublic", message));
        }
        if application.secrets.len() >= PARTS_MAX {
            let message = format!("An application has {PARTS_MAX} secrets at most.");
            return Err(AppError::invalid("TooManySecrets", message));
        }
        let secret = token::generate().map_err(AppError::internal)?;
        let now = self.engine.clock.now();
        let id = clock::guid().map_err(AppError::internal)?;
        let expires = lasts_seconds.map(|seconds| now.saturating_add(seconds * clock::SECOND));
        let hash = STANDARD.encode(token::hash(&secret));
        application.secrets.push(ClientSecret { id: id.clone(), hash, created: now, expires });
        let change = Change::default().put(&application)?;
        let change = change.audit("AddSecret", &application.id, &json!({"secret": id}));
        self.apply(caller, change).await?;
        Ok((SecretView { id, created: now, expires }, secret))
    }

    pub async fn remove_secret(
        &self,
        caller: &Caller,
        name: &str,
        secret: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut application = self.application_as_admin(name).await?;
        let before = application.secrets.len();
        application.secrets.retain(|it| it.id != secret);
        if application.secrets.len() == before {
            let message = format!("The application has no secret '{secret}'.");
            return Err(AppError::not_found("SecretNotFound", message));
        }
        let detail = json!({"secret": secret});
        self.put_credentials(caller, application, "RemoveSecret", &detail).await
    }

    /// Lets an application sign with a certificate: PEM, or DER in base64.
    pub async fn add_certificate(
        &self,
        caller: &Caller,
        name: &str,
        given: &str,
    ) -> Result<ClientCertificate, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut application = self.application_as_admin(name).await?;
        let certificate = read_certificate(given)?;
        if certificate.expires <= self.engine.clock.now() {
            let message = "The certificate has expired already.";
            return Err(AppError::invalid("CertificateExpired", message));
        }
        let is_same = |it: &ClientCertificate| it.thumbprint == certificate.thumbprint;
        if application.certificates.iter().any(is_same) {
            let message = "The application has this certificate already.";
            return Err(AppError::invalid("CertificateExists", message));
        }
        if application.certificates.len() >= PARTS_MAX {
            let message = format!("An application has {PARTS_MAX} certificates at most.");
            return Err(AppError::invalid("TooManyCertificates", message));
        }
        application.certificates.push(certificate.clone());
        let detail = json!({"thumbprint": certificate.thumbprint});
        self.put_credentials(caller, application, "AddCertificate", &detail).await?;
        Ok(certificate)
    }

    pub async fn remove_certificate(
        &self,
        caller: &Caller,
        name: &str,
        thumbprint: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut application = self.application_as_admin(name).await?;
        let before = application.certificates.len();
        application.certificates.retain(|it| !it.thumbprint.eq_ignore_ascii_case(thumbprint));
        if application.certificates.len() == before {
            let message = format!("The application has no certificate '{thumbprint}'.");
            return Err(AppError::not_found("CertificateNotFound", message));
        }
        let detail = json!({"thumbprint": thumbprint.to_lowercase()});
        self.put_credentials(caller, application, "RemoveCertificate", &detail).await
    }

    async fn put_credentials(
        &self,
        caller: &Caller,
        application: Known<Application>,
        operation: &str,
        detail: &serde_json::Value,
    ) -> Result<(), AppError> {
        let change = Change::default().put(&application)?;
        self.apply(caller, change.audit(operation, &application.id, detail)).await?;
        self.principals.forget(&application.id);
        Ok(())
    }
}

/// A certificate with what is looked at of it.
fn read_certificate(given: &str) -> Result<ClientCertificate, AppError> {
    let refuse = |found: &str| {
        let message = format!("{found}; expected a certificate in PEM form, or DER in base64.");
        AppError::invalid("InvalidCertificate", message)
    };
    if given.len() > CERTIFICATE_BYTES_MAX {
        return Err(refuse(&format!(
            "The certificate has more than {CERTIFICATE_BYTES_MAX} bytes"
        )));
    }
    let content = if given.contains("-----BEGIN") {
        let read = CertificateDer::from_pem_slice(given.as_bytes());
        read.map_err(|_| refuse("The PEM text holds no certificate"))?.to_vec()
    } else {
        let compact: String = given.split_whitespace().collect();
        STANDARD.decode(compact).map_err(|_| refuse("The text is neither PEM nor base64"))?
    };
    let parsed = Certificate::from_der(&content);
    let parsed = parsed.map_err(|_| refuse("What was given is not a certificate"))?;
    let expires = parsed.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    let thumbprint = Sha256::digest(&content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let expires = clock::from_unix_seconds(i64::try_from(expires).unwrap_or(i64::MAX));
    Ok(ClientCertificate { thumbprint, content: STANDARD.encode(&content), expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for given in ["", "AAAA", "%%%", pem, key, &"A".repeat(CERTIFICATE_BYTES_MAX + 1)] {
            let error = read_certificate(given).unwrap_err();
            assert_eq!(error.code, "InvalidCertificate", "{given}");
        }
    }
}
