//! What the policies of a connector do to a call, read by other means than the product's.

use super::check::{Want, WantBody, escaped};
use super::expected::Call;
use serde_json::{Map, Value};

/// The policies of a connector, as its `apiProperties.json` has them.
pub struct Rules(Vec<Value>);

/// Templates whose effect on a call this file knows.
const KNOWN: [&str; 8] = [
    "setheader",
    "setqueryparameter",
    "routerequesttoendpoint",
    "setproperty",
    "dynamichosturl",
    "updatenextlink",
    "pollingtrigger",
    "setconnectionstatustounauthenticated",
];

/// The values of a connection.
pub type Values = Map<String, Value>;

impl Rules {
    pub fn of(properties: &Value) -> Rules {
        let all = properties["properties"]["policyTemplateInstances"].as_array();
        Rules(all.cloned().unwrap_or_default())
    }

    fn all(&self, operation: &str) -> impl Iterator<Item = (String, &Value)> {
        let operation = operation.to_lowercase();
        self.0.iter().filter_map(move |rule| {
            let named = rule["parameters"]["x-ms-apimTemplate-operationName"].as_array();
            let mut named = named.into_iter().flatten().filter_map(Value::as_str).peekable();
            let concerns = named.peek().is_none() || named.any(|it| it.to_lowercase() == operation);
            let template = rule["templateId"].as_str().unwrap_or_default().to_lowercase();
            concerns.then_some((template, &rule["parameters"]))
        })
    }

    /// Templates of hosts.
    pub fn hosts(&self) -> Vec<String> {
        let is_host = |rule: &&Value| {
            rule["templateId"].as_str().is_some_and(|it| it.eq_ignore_ascii_case("dynamichosturl"))
        };
        let hosts = self.0.iter().filter(is_host);
        hosts.map(|rule| said(&rule["parameters"], "urlTemplate")).collect()
    }

    /// Whether only a trigger may ask.
    pub fn is_polled(&self, operation: &str) -> bool {
        self.all(operation).any(|(template, _)| template == "pollingtrigger")
    }

    /// A template that this reading does not know, or one that asks the service for a value.
    pub fn beyond(&self, operation: &str) -> Option<String> {
        self.all(operation).map(|it| it.0).find(|it| !KNOWN.contains(&it.as_str()))
    }

    /// The address before an operation's path, where a policy says one.
    ///
    /// # Errors
    /// The name of what it needs and the call does not have.
    pub fn host(&self, call: &Call, values: &Values) -> Result<Option<String>, String> {
        let all = self.all(&call.operation).filter(|it| it.0 == "dynamichosturl");
        let Some((_, parameters)) = all.last() else { return Ok(None) };
        let template = said(parameters, "urlTemplate");
        let (url, missing) = evaluated(&template, &call.want, values, &str::to_owned);
        if let Some(missing) = missing {
            return Err(missing);
        }
        let url = if url.contains("://") { url } else { format!("https://{url}") };
        Ok(Some(url.trim_end_matches('/').to_owned()))
    }

    /// Does to a call what is said of its path, its headers, its query and its body.
    pub fn apply(&self, call: &mut Call, values: &Values) {
        let operation = call.operation.clone();
        for (template, parameters) in self.all(&operation) {
            let section = parameters["x-ms-apimTemplate-policySection"].as_str();
            if section.is_some_and(|it| !it.eq_ignore_ascii_case("request")) {
                continue;
            }
            let value = said(parameters, "value");
            let (value, missing) = evaluated(&value, &call.want, values, &str::to_owned);
            let (name, exists) = (said(parameters, "name"), said(parameters, "existsAction"));
            let exists = exists.to_lowercase();
            if missing.is_some() && exists != "delete" {
                // without a value nothing is set
                continue;
            }
            let want = &mut call.want;
            match template.as_str() {
                "setheader" if name.eq_ignore_ascii_case("content-type") => {
                    want.media = Some(value);
                }
                "setheader" => {
                    let is_it = |it: &(String, String)| it.0.eq_ignore_ascii_case(&name);
                    put(&mut want.headers, &is_it, (name.clone(), value), &exists, true);
                }
                "setqueryparameter" => {
                    let is_it = |it: &(String, String)| it.0 == name;
                    put(&mut want.query, &is_it, (name.clone(), value), &exists, false);
                }
                "routerequesttoendpoint" => {
                    let path = said(parameters, "newPath");
                    let (path, _) = evaluated(&path, want, values, &escaped);
                    let slash = if path.starts_with('/') { "" } else { "/" };
                    want.path = format!("{slash}{path}");
                    for (name, value) in &call.parameters {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        want.path = want.path.replace(&format!("{{{name}}}"), &escaped(&text));
                    }
                }
                "setproperty" => set_property(want, parameters, values),
                // the host is looked at apart, and the others are of answers
                _ => {}
            }
        }
    }
}

/// A header or a query parameter, as the policy says when there is one already.
fn put(
    pairs: &mut Vec<(String, String)>,
    is_it: &dyn Fn(&(String, String)) -> bool,
    (name, value): (String, String),
    exists: &str,
    is_header: bool,
) {
    let known = pairs.iter().position(is_it);
    match (exists, known) {
        ("skip", Some(_)) => return,
        ("delete", _) => {
            pairs.retain(|it| !is_it(it));
            return;
        }
        ("append", Some(at)) if is_header => {
            pairs[at].1 = format!("{},{value}", pairs[at].1);
            return;
        }
        ("append", _) => {}
        _ => pairs.retain(|it| !is_it(it)),
    }
    pairs.push((name, value));
}

fn set_property(want: &mut Want, parameters: &Value, values: &Values) {
    let parent = said(parameters, "newPropertyParentPathTemplate").replace("@body()", "");
    let value = said(parameters, "propertyValuePathTemplate");
    let (value, _) = evaluated(&value, want, values, &str::to_owned);
    let WantBody::Json(body) = &mut want.body else { return };
    if let Some(parent) = body.pointer_mut(&parent.replace('.', "/"))
        && parent.is_object()
    {
        parent[said(parameters, "newPropertySubPathTemplate")] = value.into();
    }
}

fn said(parameters: &Value, name: &str) -> String {
    let value = parameters[format!("x-ms-apimTemplateParameter.{name}")].as_str();
    value.unwrap_or_default().to_owned()
}

/// A template with its calls replaced by their values, and the name of one without a value.
fn evaluated(
    template: &str,
    want: &Want,
    values: &Values,
    write: &dyn Fn(&str) -> String,
) -> (String, Option<String>) {
    let pairs = |all: &[(String, String)], name: &str| {
        let found = all.iter().find(|it| it.0.eq_ignore_ascii_case(name));
        found.map(|it| it.1.clone())
    };
    let mut missing = None;
    let mut out = template.replace("@Request.OriginalHTTPMethod", &want.method);
    for function in ["connectionParameters", "queryParameters", "headers"] {
        while let Some(start) = out.find(&format!("@{function}(")) {
            let end = start + out[start..].find(')').expect("the end of a call");
            let arguments = &out[start + function.len() + 2..end];
            let mut arguments = arguments.split(',').map(|it| it.trim().trim_matches('\''));
            let name = arguments.next().unwrap_or_default();
            let found = match function {
                "connectionParameters" => {
                    let found = values.iter().find(|it| it.0.eq_ignore_ascii_case(name));
                    found.and_then(|it| it.1.as_str().map(str::to_owned))
                }
                "queryParameters" => pairs(&want.query, name),
                _ => pairs(&want.headers, name),
            };
            let value = found.or_else(|| arguments.next().map(str::to_owned));
            if value.is_none() {
                missing.get_or_insert_with(|| name.to_owned());
            }
            let value = value.unwrap_or_default();
            out.replace_range(start..=end, &write(&value));
        }
    }
    (out, missing)
}
