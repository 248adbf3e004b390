//! Where an imported connector's service is, when whoever imports it knows better than its
//! document: the file stays as it came.

use crate::app::error::AppError;
use ::connector::definition::Service;
use serde::{Deserialize, Serialize};

/// What is said besides the document; what is not said is the document's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceInput {
    /// `https` or `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// With its port, if it is not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What stands before every path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_path: Option<String>,
}

/// Bytes of a host and of a path.
const PART_BYTES_MAX: usize = 1_024;

impl ServiceInput {
    /// # Errors
    /// What of it cannot be.
    pub fn checked(self) -> Result<ServiceInput, AppError> {
        let refused = |message: String| Err(AppError::invalid("InvalidConnectorService", message));
        let scheme = self.scheme.map(|it| it.to_ascii_lowercase());
        if let Some(scheme) = scheme.as_deref().filter(|it| !matches!(*it, "http" | "https")) {
            return refused(format!("The scheme is '{scheme}'; expected 'https' or 'http'."));
        }
        if let Some(host) = &self.host {
            let url = url::Url::parse(&format!("https://{host}/"));
            let is_host = url.is_ok_and(|url| {
                url.has_host()
                    && url.path() == "/"
                    && url.username().is_empty()
                    && url.password().is_none()
            });
            let is_plain =
                !host.contains(['/', '?', '#', '@', '\\']) && !host.contains(char::is_whitespace);
            if !is_host || !is_plain || host.len() > PART_BYTES_MAX {
                return refused(format!(
                    "'{host}' is no host; expected like 'api.contoso.com' or 'api.contoso.com:8443'."
                ));
            }
        }
        let base_path = self.base_path.map(|it| {
            let path = it.trim_matches('/');
            if path.is_empty() { String::new() } else { format!("/{path}") }
        });
        if let Some(path) = &base_path {
            let leads = path.split('/').any(|it| matches!(it, "." | ".."));
            let is_plain = !path.contains(['?', '#', '\\']) && !path.contains(char::is_whitespace);
            if leads || !is_plain || path.len() > PART_BYTES_MAX {
                return refused(format!("'{path}' is no base path; expected like '/v2'."));
            }
        }
        Ok(ServiceInput { scheme, host: self.host, base_path })
    }

    /// What the document says, with this in its place.
    #[must_use]
    pub fn applied(&self, service: Option<Service>) -> Option<Service> {
        let (scheme, host, base_path) = match service {
            Some(it) => (Some(it.scheme), Some(it.host), it.base_path),
            None => (None, None, String::new()),
        };
        let scheme = self.scheme.clone().or(scheme).unwrap_or_else(|| "https".to_owned());
        Some(Service {
            scheme,
            host: self.host.clone().or(host)?,
            base_path: self.base_path.clone().unwrap_or(base_path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(scheme: &str, host: &str, base_path: &str) -> ServiceInput {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ServiceInput { scheme: some(scheme), host: some(host), base_path: some(base_path) }
    }

    #[test]
    fn what_is_said_stands_in_the_place_of_the_documents() {
        let service = || {
            let text = |it: &str| it.to_owned();
            Some(Service { scheme: text("https"), host: text("a.example"), base_path: text("/v1") })
        };
        let url = |input: ServiceInput, service: Option<Service>| {
            input.checked().expect("a service").applied(service).map(|it| it.url())
        };
        let of = |scheme, host, base| url(input(scheme, host, base), service()).expect("one");
        assert_eq!(of("", "", ""), "https://a.example/v1");
        assert_eq!(of("HTTP", "b.example:81", "x/y/"), "http://b.example:81/x/y");
        assert_eq!(of("", "", "/"), "https://a.example");
        assert_eq!(url(input("", "", "/x"), None), None);
        assert_eq!(url(input("", "b", ""), None).as_deref(), Some("https://b"));
        for (scheme, host, base) in [
            ("ftp", "", ""),
            ("", "a/b", ""),
            ("", "u@b", ""),
            ("", "https://a", ""),
            ("", "a b", ""),
            ("", "", "/a?b"),
            ("", "", "/../b"),
        ] {
            assert!(input(scheme, host, base).checked().is_err(), "{scheme} {host} {base}");
        }
    }
}
