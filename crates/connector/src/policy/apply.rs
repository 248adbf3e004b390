//! Policies at work, on a request and on its answer.

use super::ask::Question;
use super::expression::{Call, Function, Piece, Template, walk};
use super::property::set;
use super::{Exists, Kind, Policies, PolicyFault, Section};
use crate::call::{Body, RelativeRequest, encoded, leads_elsewhere, read_query, text};
use crate::definition::{Credential, Location, Operation};
use expr::{Object, Value};
use http::{HeaderName, HeaderValue};
use serde_json::Map;
use url::Url;

/// A request and where it goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbsoluteRequest {
    /// `https://host/base`, without a slash at its end.
    pub base: String,
    pub request: RelativeRequest,
}

impl AbsoluteRequest {
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.base.trim_end_matches('/'), self.request.target())
    }

    /// Adds what tells the service its caller. Policies come after it: some rewrite it.
    pub fn authorize(&mut self, credential: &Credential) {
        for (name, value) in &credential.headers {
            let headers = &mut self.request.headers;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        for (name, value) in &credential.query {
            self.request.query.retain(|(known, _)| known != name);
            self.request.query.push((name.clone(), value.clone()));
        }
    }
}

/// An answer of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyResponse {
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// Of which call policies are applied.
#[derive(Clone, Copy)]
pub struct PolicyContext<'a> {
    pub operation: &'a Operation,
    /// The call's parameters, as it was bound.
    pub parameters: &'a Object,
    /// The values of the connection's parameters.
    pub connection: &'a Map<String, serde_json::Value>,
    /// Where callers reach the connector; addresses in answers are made to lead there.
    pub gateway: Option<&'a str>,
}

/// What expressions see.
pub(super) struct Scope<'a> {
    pub context: &'a PolicyContext<'a>,
    pub request: &'a AbsoluteRequest,
    pub headers: &'a [(String, String)],
    pub body: Option<&'a Value>,
    pub item: Option<&'a Value>,
}

impl Policies {
    /// Does to a request what the policies say, from one of them on: 0 at first. Where one
    /// needs what another address of the service gives, that is to be asked for and told
    /// ([`Policies::answer`]), and those after it are still to come.
    ///
    /// # Errors
    /// The operation cannot be called, or a value that a policy needs is not there.
    pub fn apply_request(
        &self,
        context: &PolicyContext<'_>,
        request: &mut AbsoluteRequest,
        from: usize,
    ) -> Result<Option<Question>, PolicyFault> {
        self.check(context.operation)?;
        for (at, policy) in self.of(context.operation).enumerate().skip(from) {
            let before = request.clone();
            let body = match &before.request.body {
                Some(Body::Json(value)) => Some(value),
                _ => None,
            };
            let headers = &before.request.headers;
            let scope = Scope { context, request: &before, headers, body, item: None };
            match &policy.kind {
                Kind::HostUrl(template) => request.base = scope.host_url(template)?,
                Kind::Route { path, method } => {
                    scope.route(path, method.as_ref(), &mut request.request)?;
                }
                Kind::Header { name, value, exists, section: Section::Request } => {
                    let value = scope.text(value);
                    if name.eq_ignore_ascii_case("content-type") {
                        let is_kept =
                            *exists == Exists::Skip && before.request.content_type.is_some();
                        if let Some(value) = value.filter(|_| !is_kept) {
                            request.request.content_type = Some(value);
                        }
                    } else {
                        set_header(&mut request.request.headers, name, value, *exists)?;
                    }
                }
                Kind::Query { name, value, exists } => {
                    set_query(&mut request.request.query, name, scope.text(value), *exists);
                }
                Kind::Property { parent, name, value, section: Section::Request } => {
                    if let Some(Body::Json(body)) = &mut request.request.body {
                        scope.set_property(body, parent, name, value);
                    }
                }
                Kind::Convert(conversion, Section::Request) => {
                    if let Some(Body::Json(body)) = &mut request.request.body {
                        conversion.apply(body);
                    }
                }
                Kind::FromUrl { method, path, .. } => {
                    return scope.question(at, method, path).map(Some);
                }
                Kind::Header { .. } | Kind::Property { .. } | Kind::Convert(..) => {}
                Kind::NextLink(_) | Kind::Unauthenticated(_) => {}
                Kind::Polling(_) | Kind::Rate(_) | Kind::Unknown(_) => {}
            }
        }
        Ok(None)
    }

    /// Where the service of a call is: what its policies make of its address.
    ///
    /// # Errors
    /// A value that a policy needs is not there.
    pub fn base(
        &self,
        context: &PolicyContext<'_>,
        request: &AbsoluteRequest,
    ) -> Result<String, PolicyFault> {
        let mut base = request.base.clone();
        for policy in self.of(context.operation) {
            if let Kind::HostUrl(template) = &policy.kind {
                let headers = &request.request.headers;
                let scope = Scope { context, request, headers, body: None, item: None };
                base = scope.host_url(template)?;
            }
        }
        Ok(base)
    }

    /// Does to a request for the next page what the policies say of headers: its address is
    /// the service's own.
    ///
    /// # Errors
    /// A header would have a value that none can have.
    pub fn apply_headers(
        &self,
        context: &PolicyContext<'_>,
        request: &mut AbsoluteRequest,
    ) -> Result<(), PolicyFault> {
        for policy in self.of(context.operation) {
            let before = request.clone();
            let headers = &before.request.headers;
            let scope = Scope { context, request: &before, headers, body: None, item: None };
            if let Kind::Header { name, value, exists, section: Section::Request } = &policy.kind
                && !name.eq_ignore_ascii_case("content-type")
            {
                set_header(&mut request.request.headers, name, scope.text(value), *exists)?;
            }
        }
        Ok(())
    }

    /// Does to an answer what the policies say.
    ///
    /// # Errors
    /// A header would have a value that none can have.
    pub fn apply_response(
        &self,
        context: &PolicyContext<'_>,
        request: &AbsoluteRequest,
        response: &mut PolicyResponse,
    ) -> Result<(), PolicyFault> {
        for policy in self.of(context.operation) {
            let before = response.clone();
            let scope = Scope {
                context,
                request,
                headers: &before.headers,
                body: Some(&before.body),
                item: None,
            };
            match &policy.kind {
                Kind::Header { name, value, exists, section: Section::Response } => {
                    set_header(&mut response.headers, name, scope.text(value), *exists)?;
                }
                Kind::Property { parent, name, value, section: Section::Response } => {
                    scope.set_property(&mut response.body, parent, name, value);
                }
                Kind::NextLink(property) => next_link(context, request, property, response),
                Kind::Convert(conversion, Section::Response) => {
                    conversion.apply(&mut response.body);
                }
                Kind::Header { .. } | Kind::Property { .. } | Kind::Convert(..) => {}
                Kind::HostUrl(_) | Kind::Route { .. } | Kind::Query { .. } => {}
                Kind::FromUrl { .. } | Kind::Unauthenticated(_) => {}
                Kind::Polling(_) | Kind::Rate(_) | Kind::Unknown(_) => {}
            }
        }
        Ok(())
    }
}

/// The address of the next page leads to the connector, not past it to the service.
fn next_link(
    context: &PolicyContext<'_>,
    request: &AbsoluteRequest,
    property: &str,
    response: &mut PolicyResponse,
) {
    let (Some(gateway), Value::Object(body)) = (context.gateway, &mut response.body) else {
        return;
    };
    let link = body.get_exact(property).and_then(Value::as_str);
    let base = request.base.trim_end_matches('/');
    let rest = link.and_then(|link| {
        let start = link.get(..base.len())?;
        let rest = &link[base.len()..];
        let is_below = rest.is_empty() || rest.starts_with(['/', '?']);
        (is_below && start.eq_ignore_ascii_case(base)).then(|| rest.to_owned())
    });
    if let Some(rest) = rest {
        let link = format!("{}{rest}", gateway.trim_end_matches('/'));
        std::sync::Arc::make_mut(body).insert(property, link);
    }
}

impl Scope<'_> {
    /// The value of a call; none when there is none and no default.
    pub fn value(&self, call: &Call) -> Option<Value> {
        let of_pairs = |pairs: &[(String, String)]| {
            let found = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(&call.name));
            found.map(|(_, text)| Value::from(text.as_str()))
        };
        let found = match call.function {
            Function::ConnectionParameters => {
                let known = self.context.connection;
                let named = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&call.name));
                let value = known.get(&call.name).or(named.map(|(_, value)| value));
                value.map(crate::call::place::value_of)
            }
            Function::QueryParameters => of_pairs(&self.request.request.query),
            Function::Headers => of_pairs(self.headers),
            Function::Body => self.body.and_then(|it| walk(it, &call.steps)).cloned(),
            Function::Item => self.item.and_then(|it| walk(it, &call.steps)).cloned(),
            Function::Method => Some(Value::from(self.context.operation.method.clone())),
        };
        let found = found.filter(|it| !it.is_null());
        found.or_else(|| call.default.as_deref().map(Value::from))
    }

    /// The text of a template, each value written in a way; or the call without a value.
    fn written<'a>(
        &self,
        template: &'a Template,
        write: &dyn Fn(&str) -> String,
    ) -> Result<String, &'a Call> {
        let mut out = String::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Call(call) => {
                    out.push_str(&write(&text(&self.value(call).ok_or(call)?)));
                }
            }
        }
        Ok(out)
    }

    /// The text of a template; none when it needs what is not there.
    fn text(&self, template: &Template) -> Option<String> {
        self.written(template, &str::to_owned).ok()
    }

    pub fn missing(&self, call: &Call) -> PolicyFault {
        PolicyFault::new(format!(
            "A policy of the connector needs '{}' for the operation '{}', and there is no such value.",
            call.name, self.context.operation.id
        ))
    }

    /// The whole address before an operation's path, the document's base path included.
    fn host_url(&self, template: &Template) -> Result<String, PolicyFault> {
        let said = self.written(template, &|it| it.trim().to_owned());
        let said = said.map_err(|call| self.missing(call))?;
        let said = if said.contains("://") { said } else { format!("https://{said}") };
        let is_address = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if !Url::parse(&said).is_ok_and(|url| is_address(&url)) {
            let message = format!(
                "A policy of the connector makes '{said}' of the service's address; expected one like 'https://host/path'."
            );
            return Err(PolicyFault::new(message));
        }
        Ok(said.trim_end_matches('/').to_owned())
    }

    fn route(
        &self,
        path: &Template,
        method: Option<&Template>,
        request: &mut RelativeRequest,
    ) -> Result<(), PolicyFault> {
        let (path, query) = self.path(path)?;
        request.path = path;
        request.query.extend(query);
        if let Some(method) = method.and_then(|it| self.text(it)) {
            request.method = method.trim().to_ascii_uppercase();
        }
        Ok(())
    }

    /// A path and its query, with the values of the operation's parameters in it.
    pub fn path(&self, path: &Template) -> Result<(String, Vec<(String, String)>), PolicyFault> {
        let mut said = self.written(path, &encoded).map_err(|call| self.missing(call))?;
        let in_path = self.context.operation.parameters.iter();
        for parameter in in_path.filter(|it| it.location == Location::Path) {
            if let Some(value) = self.context.parameters.get_exact(&parameter.name) {
                said = said.replace(&format!("{{{}}}", parameter.name), &encoded(&text(value)));
            }
        }
        let (said, query) = said.split_once('?').unwrap_or((&said, ""));
        if said.split('/').any(leads_elsewhere) {
            let message = format!("A policy of the connector makes the path '{said}'.");
            return Err(PolicyFault::new(message));
        }
        let slash = if said.starts_with('/') { "" } else { "/" };
        Ok((format!("{slash}{said}"), read_query(query)))
    }

    fn set_property(&self, body: &mut Value, parent: &Template, name: &str, value: &Template) {
        let Some(parent) = parent.only().filter(|it| it.function == Function::Body) else {
            return;
        };
        let names: Vec<&str> = name.split('.').collect();
        set(body, &parent.steps, &names, &|item| {
            let scope = Scope { item: Some(item), ..*self };
            match value.only() {
                Some(call) => scope.value(call),
                None => scope.text(value).map(Value::from),
            }
        });
    }
}

pub(super) fn set_header(
    headers: &mut Vec<(String, String)>,
    name: &str,
    value: Option<String>,
    exists: Exists,
) -> Result<(), PolicyFault> {
    let is_it = |it: &(String, String)| it.0.eq_ignore_ascii_case(name);
    if exists == Exists::Delete {
        headers.retain(|it| !is_it(it));
        return Ok(());
    }
    let Some(value) = value else { return Ok(()) };
    if HeaderName::from_bytes(name.as_bytes()).is_err()
        || HeaderValue::from_bytes(value.as_bytes()).is_err()
    {
        let message = format!("A policy's value of '{name}' cannot be sent as a header.");
        return Err(PolicyFault::new(message));
    }
    match (headers.iter_mut().find(|it| is_it(it)), exists) {
        (None, _) => headers.push((name.to_owned(), value)),
        (Some(_), Exists::Skip | Exists::Delete) => {}
        (Some((_, known)), Exists::Append) => *known = format!("{known},{value}"),
        (Some(_), Exists::Override) => {
            headers.retain(|it| !is_it(it));
            headers.push((name.to_owned(), value));
        }
    }
    Ok(())
}

pub(super) fn set_query(
    query: &mut Vec<(String, String)>,
    name: &str,
    value: Option<String>,
    exists: Exists,
) {
    let is_known = query.iter().any(|(known, _)| known == name);
    if exists == Exists::Delete {
        query.retain(|(known, _)| known != name);
        return;
    }
    let Some(value) = value else { return };
    match exists {
        Exists::Skip if is_known => return,
        Exists::Override => query.retain(|(known, _)| known != name),
        Exists::Skip | Exists::Append | Exists::Delete => {}
    }
    query.push((name.to_owned(), value));
}
