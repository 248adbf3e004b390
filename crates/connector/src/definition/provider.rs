//! Identity providers that connectors name without saying where they are.

/// Where to sign in, and where tokens are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) authorization: String,
    pub(super) token: String,
    pub(super) refresh: String,
}

/// A provider by its name.
pub(super) struct Provider {
    name: &'static str,
    /// Before its paths, unless the connector names another place (`loginUri`).
    base: &'static str,
    authorization: &'static str,
    token: &'static str,
    /// What its sign-in has to be asked for besides.
    pub(super) more: &'static [(&'static str, &'static str)],
}

impl Provider {
    fn at(base: &str, path: &str) -> String {
        match path.starts_with('/') {
            true => format!("{}{path}", base.trim_end_matches('/')),
            false => path.to_owned(),
        }
    }

    pub(super) fn authorization(&self, login: Option<&str>) -> String {
        Provider::at(login.unwrap_or(self.base), self.authorization)
    }

    pub(super) fn token(&self, login: Option<&str>) -> String {
        Provider::at(login.unwrap_or(self.base), self.token)
    }
}

/// From the providers' own documentation.
const KNOWN: &[Provider] = &[
    Provider {
        name: "github",
        base: "https://github.com",
        authorization: "/login/oauth/authorize",
        token: "/login/oauth/access_token",
        more: &[],
    },
    Provider {
        name: "google",
        base: "https://accounts.google.com",
        authorization: "/o/oauth2/v2/auth",
        token: "https://oauth2.googleapis.com/token",
        // without these there is no refresh token
        more: &[("access_type", "offline"), ("prompt", "consent")],
    },
    Provider {
        name: "facebook",
        base: "https://www.facebook.com",
        authorization: "/dialog/oauth",
        token: "https://graph.facebook.com/oauth/access_token",
        more: &[],
    },
    Provider {
        name: "docusign",
        base: "https://account.docusign.com",
        authorization: "/oauth/auth",
        token: "/oauth/token",
        more: &[],
    },
    Provider {
        name: "salesforce",
        base: "https://login.salesforce.com",
        authorization: "/services/oauth2/authorize",
        token: "/services/oauth2/token",
        more: &[],
    },
    Provider {
        name: "linkedin",
        base: "https://www.linkedin.com",
        authorization: "/oauth/v2/authorization",
        token: "/oauth/v2/accessToken",
        more: &[],
    },
    Provider {
        name: "dropbox",
        base: "https://www.dropbox.com",
        authorization: "/oauth2/authorize",
        token: "https://api.dropboxapi.com/oauth2/token",
        more: &[("token_access_type", "offline")],
    },
];

pub(super) fn known(name: &str) -> Option<&'static Provider> {
    KNOWN.iter().find(|provider| provider.name.eq_ignore_ascii_case(name))
}
