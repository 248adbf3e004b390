//! Connectors that come with the server, described as their documentation pages describe
//! them: "Power Automate Management" and "Power Automate for Admins".

use super::Connector;
use super::management::{self, operations};
use ::connector::builtin::Builtin;
use ::connector::definition::{Document, Properties};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The way to authenticate in which a person acts for themselves.
pub const FIRST_PARTY: &str = "firstParty";
/// The way to authenticate in which an application acts, by its certificate.
pub const CERTIFICATE: &str = "CertOauth";

pub const MANAGEMENT: &str = "shared_flowmanagement";
pub const ADMINS: &str = "shared_microsoftflowforadmins";
/// Secrets of this server's vaults.
pub const VAULT: &str = "shared_keyvault";
pub const APPROVALS: &str = "shared_approvals";

/// Connectors with the two files of any, which are served here and not by the other crate.
static SERVED_HERE: [Builtin; 1] = [Builtin {
    name: APPROVALS,
    swagger: include_str!("../approval/shared_approvals.swagger.json"),
    properties: include_str!("../approval/shared_approvals.properties.json"),
    actions: &["CreateAnApproval", "StartAndWaitForAnApproval", "WaitForAnApproval"],
    triggers: &[],
}];

/// The files of a connector that has some.
fn files_of(name: &str) -> Option<&'static Builtin> {
    SERVED_HERE.iter().find(|it| it.name == name).or_else(|| ::connector::builtin::find(name))
}

static ALL: LazyLock<Vec<Connector>> = LazyLock::new(|| {
    let management = Connector::built_in(
        MANAGEMENT,
        "Power Automate Management",
        "Power Automate Management connector enables interaction with Power Automate Management service.",
    );
    let admins = Connector::built_in(
        ADMINS,
        "Power Automate for Admins",
        "Power Automate Management Connector for Administrators.",
    );
    let served = SERVED_HERE.iter().chain(::connector::builtin::all()).filter_map(described);
    [management, admins].into_iter().map(with_authentication).chain(served).collect()
});

/// One as its two files say.
fn described(builtin: &Builtin) -> Option<Connector> {
    let document = Document::read(builtin.swagger).ok()?;
    let properties = Properties::read(builtin.properties).ok()?;
    let mut connector = Connector::built_in(builtin.name, &document.title, &document.description);
    connector.operations = document.operations.len();
    connector.properties = properties.into_raw();
    Some(connector)
}

/// The document of one of them.
#[must_use]
pub fn document(connector: &Connector) -> Option<String> {
    match files_of(&connector.name) {
        Some(builtin) => Some(builtin.swagger.to_owned()),
        None if operations(&connector.name).is_empty() => None,
        None => Some(management::document(
            &connector.name,
            &connector.display_name,
            &connector.description,
        )),
    }
}

/// All of them.
#[must_use]
pub fn all() -> &'static [Connector] {
    &ALL
}

/// One of them by its name; letters do not matter.
#[must_use]
pub fn named(name: &str) -> Option<&'static Connector> {
    all().iter().find(|it| it.name.eq_ignore_ascii_case(name))
}

fn with_authentication(mut connector: Connector) -> Connector {
    // what older connections were made with, which nobody chooses any more
    let properties = json!({"publisher": "Microsoft", "tier": "Standard",
        "connectionParameters": {}, "connectionParameterSets": {
        "uiDefinition": {
            "displayName": "Authentication Type",
            "description": "Type of authentication to be used."
        },
        "values": [certificate(), first_party()]
    }});
    if let Value::Object(properties) = properties {
        connector.properties = properties;
    }
    connector
}

fn first_party() -> Value {
    json!({
        "name": FIRST_PARTY,
        "uiDefinition": {
            "displayName": "Microsoft Entra ID Integrated",
            "description": "Use Microsoft Entra ID to access this service."
        },
        "metadata": {"allowSharing": false},
        "parameters": {}
    })
}

fn certificate() -> Value {
    let parameter = |kind: &str, name: &str, text: &str, is_required: bool| {
        let required = if is_required { "true" } else { "false" };
        json!({
            "type": kind,
            "uiDefinition": {
                "displayName": name,
                "description": text,
                "constraints": {"required": required}
            }
        })
    };
    json!({
        "name": CERTIFICATE,
        "uiDefinition": {
            "displayName": "Client Certificate Auth",
            "description": "Provide Microsoft Entra ID credentials using PFX certificate and password"
        },
        "metadata": {"allowSharing": false},
        "parameters": {
            "token:TenantId": parameter("string", "Tenant", "", true),
            "token:clientId": parameter(
                "string",
                "Client ID",
                "The client ID of for the Microsoft Entra ID application",
                false
            ),
            "token:clientCertificateSecret": parameter(
                "clientCertificate",
                "Client certificate secret",
                "The client certificate secret allowed by this application",
                true
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_have_the_authentication_types_of_their_pages() {
        for name in [MANAGEMENT, "SHARED_MicrosoftFlowForAdmins"] {
            let sets = named(name).expect("a connector").sets().expect("sets");
            let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
            assert_eq!(names, [CERTIFICATE, FIRST_PARTY]);
            assert!(sets.iter().all(|set| !set.is_shareable && !set.needs_sign_in()));
            assert_eq!(sets[0].parameters.iter().filter(|it| it.is_required).count(), 2);
        }
        assert!(named("shared_other").is_none());
    }

    #[test]
    fn every_one_has_its_document_and_ways_to_authenticate() {
        assert_eq!(all().len(), 3 + ::connector::builtin::all().len());
        for connector in all() {
            let text = document(connector).expect("a document");
            let read = Document::read(&text).expect("a document that can be read");
            assert!(!read.operations.is_empty(), "{}", connector.name);
            assert!(!connector.sets().expect("sets").is_empty(), "{}", connector.name);
        }
    }
}
