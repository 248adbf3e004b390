//! What a connector does to its calls: the policy templates of `apiProperties.json`
//! (documentation, "Policy templates for custom connectors").
//!
//! A template that is not known is no fault of the file: the connector is imported, and a
//! call that would need it says so. The same holds for code of the connector's own.

mod apply;
mod ask;
mod conversion;
mod expression;
mod polling;
mod property;
mod rate;

pub use apply::{AbsoluteRequest, PolicyContext, PolicyResponse};
pub use ask::Question;
pub use polling::{Advance, Polling};
pub use rate::RateLimit;

use crate::definition::{Fault, Operation};
use crate::limits::{BODY_DEPTH_MAX, POLICIES_MAX};
use conversion::{Conversion, Shape};
use expression::{Call, Function, Template};
use serde_json::{Map, Value};

/// The policies of a connector, in their order.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    all: Vec<Policy>,
    /// Ids of operations that run code of the connector's own.
    scripted: Vec<String>,
    /// Whether there is code of its own. It is run for all operations when none is named.
    has_script: bool,
}

#[derive(Clone, Debug)]
struct Policy {
    /// Ids of operations; none: all of them.
    operations: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    HostUrl(Template),
    Route {
        path: Template,
        method: Option<Template>,
    },
    Header {
        name: String,
        value: Template,
        exists: Exists,
        section: Section,
    },
    Query {
        name: String,
        value: Template,
        exists: Exists,
    },
    Property {
        parent: Template,
        name: String,
        value: Template,
        section: Section,
    },
    /// A header or a query parameter gets a value that another address of the service gives.
    FromUrl {
        target: Call,
        method: String,
        path: Template,
        value: Template,
    },
    Convert(Conversion, Section),
    NextLink(String),
    /// The status with which a service says that the connection is no longer good.
    Unauthenticated(u64),
    Polling(Polling),
    Rate(RateLimit),
    Unknown(String),
}

/// What becomes of a header or query parameter that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exists {
    Override,
    Skip,
    Append,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Request,
    Response,
    /// When the gateway itself fails, of which an answer of ours says no more.
    Failure,
}

/// Why a call cannot be made as its connector says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyFault {
    pub message: String,
}

impl PolicyFault {
    fn new(message: impl Into<String>) -> PolicyFault {
        PolicyFault { message: message.into() }
    }
}

impl Policies {
    /// Reads what is below `properties` of `apiProperties.json`.
    ///
    /// # Errors
    /// What is not as it must be, with the place.
    pub fn read(properties: &Map<String, Value>) -> Result<Policies, Fault> {
        let path = "$.properties.policyTemplateInstances";
        let instances = match properties.get("policyTemplateInstances") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(instances)) => instances,
            Some(_) => return Err(Fault::at(path, "Expected a list of policies.")),
        };
        if instances.len() > POLICIES_MAX {
            return Err(Fault::at(path, format!("More than {POLICIES_MAX} policies.")));
        }
        let read = |(at, it): (usize, &Value)| Policy::read(it, &format!("{path}[{at}]"));
        Ok(Policies {
            all: instances.iter().enumerate().map(read).collect::<Result<_, _>>()?,
            scripted: texts(properties.get("scriptOperations")),
            has_script: false,
        })
    }

    /// The same of a connector with code of its own (`script.csx`).
    #[must_use]
    pub fn with_script(self) -> Policies {
        Policies { has_script: true, ..self }
    }

    /// The same for a service at an address that somebody else than the connector says: what
    /// makes another host of it does not count.
    #[must_use]
    pub fn at_given_address(mut self) -> Policies {
        self.all.retain(|policy| !matches!(policy.kind, Kind::HostUrl(_)));
        self
    }

    /// Whether an operation can be called at all.
    ///
    /// # Errors
    /// It runs code of the connector's own, or a template that is not known applies to it.
    pub fn check(&self, operation: &Operation) -> Result<(), PolicyFault> {
        let is_named = self.scripted.iter().any(|id| id.eq_ignore_ascii_case(&operation.id));
        if is_named || (self.has_script && self.scripted.is_empty()) {
            return Err(PolicyFault::new(format!(
                "The operation '{}' runs code of the connector's own (script.csx), which is not run here.",
                operation.id
            )));
        }
        for policy in self.of(operation) {
            if let Kind::Unknown(template) = &policy.kind {
                return Err(PolicyFault::new(format!(
                    "The policy template '{template}' applies to the operation '{}' and is not known here.",
                    operation.id
                )));
            }
        }
        Ok(())
    }

    /// How a polling trigger goes on from what it got.
    #[must_use]
    pub fn polling(&self, operation: &Operation) -> Option<&Polling> {
        self.of(operation).find_map(|policy| match &policy.kind {
            Kind::Polling(polling) => Some(polling),
            _ => None,
        })
    }

    /// Whether a service says with a status that the connection is no longer good, and
    /// somebody has to sign in again.
    #[must_use]
    pub fn is_unauthenticated(&self, operation: &Operation, status: u16) -> bool {
        let says = |policy: &Policy| match policy.kind {
            Kind::Unauthenticated(said) => said == u64::from(status),
            _ => false,
        };
        self.of(operation).any(says)
    }

    fn of<'a>(&'a self, operation: &Operation) -> impl Iterator<Item = &'a Policy> {
        self.all.iter().filter(|policy| policy.is_of(operation))
    }
}

impl Policy {
    fn is_of(&self, operation: &Operation) -> bool {
        let is_it = |id: &String| id.eq_ignore_ascii_case(&operation.id);
        self.operations.is_empty() || self.operations.iter().any(is_it)
    }

    fn read(value: &Value, path: &str) -> Result<Policy, Fault> {
        let Some(template) = value.get("templateId").and_then(Value::as_str) else {
            return Err(Fault::at(format!("{path}.templateId"), "The policy has no template."));
        };
        let empty = Map::new();
        let parameters = value.get("parameters").and_then(Value::as_object).unwrap_or(&empty);
        let source = Source { parameters, path };
        let kind = match template.to_ascii_lowercase().as_str() {
            "dynamichosturl" => Kind::HostUrl(source.template("urlTemplate")?),
            "routerequesttoendpoint" => Kind::Route {
                path: source.template("newPath")?,
                method: source.said("httpMethod").map(Template::read),
            },
            "setheader" => Kind::Header {
                name: source.text("name")?,
                value: source.value_template(),
                exists: source.exists()?,
                section: source.section(),
            },
            "setqueryparameter" => Kind::Query {
                name: source.text("name")?,
                value: source.value_template(),
                exists: source.exists()?,
            },
            "setproperty" => Kind::Property {
                parent: source.template("newPropertyParentPathTemplate")?,
                name: source.way("newPropertySubPathTemplate")?,
                value: source.template("propertyValuePathTemplate")?,
                section: source.section(),
            },
            "setvaluefromurl" => source.asking(template)?,
            "convertarraytoobject" => {
                let key = source.text("keyWithinCollectionPath")?;
                source.conversion(Shape::Object { key, retain: source.retains() })?
            }
            "convertobjecttoarray" => {
                let value = source.said("valueName").map(str::to_owned);
                let key = source.text("keyName")?;
                source.conversion(Shape::List { key, value, retain: source.retains() })?
            }
            "stringtoarray" => source.conversion(Shape::Pieces {
                delimiters: source.text("delimiterList")?,
                child: source.text("childPropertyName")?,
            })?,
            "setconnectionstatustounauthenticated" => {
                let status = source.raw("statusCode");
                let status =
                    status.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
                Kind::Unauthenticated(status.unwrap_or(401))
            }
            "updatenextlink" => Kind::NextLink(source.text("nextLinkPropertyName")?),
            "pollingtrigger" => Kind::Polling(Polling::read(
                source.raw("triggerConfig"),
                &source.text("triggerDataPath")?,
            )),
            "ratelimit" => Kind::Rate(RateLimit::read(&source)?),
            _ => Kind::Unknown(template.to_owned()),
        };
        let operations = texts(parameters.get("x-ms-apimTemplate-operationName"));
        let is_asking = |it: &Value| {
            it.as_str().is_some_and(|it| it.to_ascii_lowercase().contains("@environmentvariables("))
        };
        let kind = match parameters.values().any(is_asking) {
            true => Kind::Unknown(format!("{template} with environmentVariables")),
            false => kind,
        };
        Ok(Policy { operations, kind })
    }
}

/// The parameters of a policy.
struct Source<'a> {
    parameters: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Source<'a> {
    fn raw(&self, name: &str) -> Option<&'a Value> {
        self.parameters.get(&format!("x-ms-apimTemplateParameter.{name}"))
    }

    fn said(&self, name: &str) -> Option<&'a str> {
        self.raw(name).and_then(Value::as_str).filter(|it| !it.is_empty())
    }

    fn text(&self, name: &str) -> Result<String, Fault> {
        self.said(name).map(str::to_owned).ok_or_else(|| {
            let name = format!("x-ms-apimTemplateParameter.{name}");
            let message = format!("The policy has no '{name}'.");
            Fault::at(format!("{}.parameters['{name}']", self.path), message)
        })
    }

    fn template(&self, name: &str) -> Result<Template, Fault> {
        Ok(Template::read(&self.text(name)?))
    }

    /// A way into a body, which is gone step by step.
    fn way(&self, name: &str) -> Result<String, Fault> {
        let text = self.text(name)?;
        if text.matches(['.', '[']).count() > BODY_DEPTH_MAX {
            let message = format!("The path has more than {BODY_DEPTH_MAX} steps.");
            let place = format!("x-ms-apimTemplateParameter.{name}");
            return Err(Fault::at(format!("{}.parameters['{place}']", self.path), message));
        }
        Ok(text)
    }

    /// A value may be empty: it takes away what was there.
    fn value_template(&self) -> Template {
        Template::read(self.said("value").unwrap_or_default())
    }

    fn exists(&self) -> Result<Exists, Fault> {
        let said = self.said("existsAction").unwrap_or("override");
        Ok(match said.to_ascii_lowercase().as_str() {
            "override" => Exists::Override,
            "skip" => Exists::Skip,
            "append" => Exists::Append,
            "delete" => Exists::Delete,
            _ => {
                let path =
                    format!("{}.parameters['x-ms-apimTemplateParameter.existsAction']", self.path);
                let message =
                    format!("'{said}' is no action; expected override, skip, append or delete.");
                return Err(Fault::at(path, message));
            }
        })
    }

    /// Whether what names an item stays in it, which it does unless the policy says no.
    fn retains(&self) -> bool {
        match self.raw("retainKey") {
            Some(Value::Bool(said)) => *said,
            Some(Value::String(said)) => !said.eq_ignore_ascii_case("false"),
            _ => true,
        }
    }

    fn conversion(&self, shape: Shape) -> Result<Kind, Fault> {
        let conversion = Conversion {
            parent: self.template("propertyParentPath")?,
            value: self.said("propertySubPath").unwrap_or_default().to_owned(),
            target: Template::read(&self.way("newPropertyPath")?),
            shape,
        };
        Ok(Kind::Convert(conversion, self.section()))
    }

    /// Of a request only: the other half of the template would call a service for a header of
    /// an answer that has already come, which no connector does.
    fn asking(&self, template: &str) -> Result<Kind, Fault> {
        if self.section() != Section::Request {
            return Ok(Kind::Unknown(format!("{template} of an answer")));
        }
        let name = "x-ms-apimTemplateParameter.parameterTemplate";
        let target = self.template("parameterTemplate")?;
        let is_one =
            |it: &&Call| matches!(it.function, Function::Headers | Function::QueryParameters);
        let target = target.only().filter(is_one).cloned().ok_or_else(|| {
            let path = format!("{}.parameters['{name}']", self.path);
            Fault::at(path, "Expected '@headers('name')' or '@queryParameters('name')'.")
        })?;
        Ok(Kind::FromUrl {
            target,
            method: self.said("httpMethod").unwrap_or("GET").trim().to_ascii_uppercase(),
            path: self.template("parameterValueUrl")?,
            value: self.template("parameterValuePathTemplate")?,
        })
    }

    fn section(&self) -> Section {
        let said = self.parameters.get("x-ms-apimTemplate-policySection").and_then(Value::as_str);
        match said {
            Some(said) if said.eq_ignore_ascii_case("response") => Section::Response,
            Some(said) if said.eq_ignore_ascii_case("failure") => Section::Failure,
            _ => Section::Request,
        }
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
