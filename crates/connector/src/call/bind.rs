//! From the flat `parameters` of an action to a request.

use super::address::address;
use super::body::{Body, of_type, part};
use super::convert::{text, texts};
use super::encoding::{encoded, leads_elsewhere, written_literal};
use super::place::{Given, Placer};
use super::{BindFault, RelativeRequest};
use crate::definition::{
    Collection, Location, Operation, OperationParameter, Piece, SchemaKind, decoded, is_form,
    is_json, is_multipart,
};
use expr::{Object, Value};
use http::{HeaderName, HeaderValue};

/// A call of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub request: RelativeRequest,
    /// The values by the names of the operation's parameters.
    pub parameters: Object,
}

impl Operation {
    /// The call that an action's flat `parameters` mean. Parameters that are required and not
    /// given have their default; one that is optional is not sent, as the service knows its
    /// default itself. That a value is none of an `enum` is for the service to say: the
    /// designer lets people write others.
    ///
    /// # Errors
    /// What is missing, not known, or cannot become what the operation wants.
    pub fn bind(&self, parameters: &Object) -> Result<Bound, BindFault> {
        let mut given: Vec<Option<Given>> = self.parameters.iter().map(|_| None).collect();
        for (key, value) in parameters.iter() {
            let Some(address) = address(self, key) else { return Err(BindFault::extra(key)) };
            let fits = match &mut given[address.parameter] {
                Some(given) => given.put(&address.steps, value.clone()),
                slot => {
                    let start = match address.steps.is_empty() {
                        true => Given::Whole(value.clone()),
                        false => Given::Parts(Vec::new()),
                    };
                    let start = slot.insert(start);
                    address.steps.is_empty() || start.put(&address.steps, value.clone())
                }
            };
            if !fits {
                let message = format!("The parameter '{key}' does not fit with the others.");
                return Err(BindFault::invalid(message));
            }
        }
        let mut placer = Placer::new(self);
        let mut values = Vec::with_capacity(given.len());
        for (parameter, given) in self.parameters.iter().zip(given) {
            let value = placer.parameter(parameter, given)?.filter(|value| !value.is_null());
            if value.is_none() && parameter.is_required {
                return Err(BindFault::missing(&self.id, &parameter.name));
            }
            values.push(value);
        }
        self.bound(values)
    }

    fn bound(&self, values: Vec<Option<Value>>) -> Result<Bound, BindFault> {
        let (path, path_query) = self.path_with(&values)?;
        let mut request = RelativeRequest {
            method: self.method.to_string(),
            path,
            query: path_query,
            ..RelativeRequest::default()
        };
        let (mut fields, mut cookies) = (Vec::new(), Vec::new());
        let mut body = None;
        let mut nested = Object::with_capacity(values.len());
        for (parameter, value) in self.parameters.iter().zip(values) {
            let Some(value) = value else { continue };
            match parameter.location {
                Location::Path => {}
                Location::Query => request.query.extend(pairs(parameter, &value)),
                Location::Header => add_header(&mut request, parameter, &value)?,
                Location::Cookie => {
                    let said = texts(&value, parameter.collection).pop().unwrap_or_default();
                    cookies.push(format!("{}={}", encoded(&parameter.name), encoded(&said)));
                }
                Location::Form => fields.push((parameter, value.clone())),
                Location::Body => body = Some((parameter, value.clone())),
            }
            // the first of the same name counts, as it does when its key is looked for
            if !nested.contains(&parameter.name) {
                nested.push_new(parameter.name.clone(), value);
            }
        }
        if !cookies.is_empty() {
            request.headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        if !fields.is_empty() {
            self.set_form(&mut request, &fields);
        } else if let Some((parameter, value)) = body {
            self.set_body(&mut request, parameter, value);
        }
        Ok(Bound { request, parameters: nested })
    }

    /// The path with values in it, and the query that some paths bring along.
    fn path_with(
        &self,
        values: &[Option<Value>],
    ) -> Result<(String, Vec<(String, String)>), BindFault> {
        let value_of = |name: &str| {
            let is_it = |exact: bool, it: &OperationParameter| match exact {
                true => it.name == name,
                false => expr::value::eq_ignore_case(&it.name, name),
            };
            let at = |exact: bool| {
                let path = |it: &OperationParameter| it.location == Location::Path;
                self.parameters.iter().position(|it| path(it) && is_it(exact, it))
            };
            let at = at(true).or_else(|| at(false));
            let value = at.and_then(|at| Some((&self.parameters[at], values[at].as_ref()?)));
            value.ok_or_else(|| BindFault::missing(&self.id, name))
        };
        let mut path = String::new();
        for segment in self.path.segments() {
            let start = path.len();
            path.push('/');
            for piece in segment {
                match piece {
                    Piece::Text(text) => path.push_str(&written_literal(text)),
                    Piece::Value(name) => {
                        let (parameter, value) = value_of(name)?;
                        path.push_str(&path_text(parameter, value)?);
                    }
                }
            }
            check_segment(&path[start + 1..], self)?;
        }
        let mut query = Vec::new();
        for (name, pieces) in self.path.query() {
            let mut said = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => said.push_str(&decoded(text)),
                    Piece::Value(name) => said.push_str(&text(value_of(name)?.1)),
                }
            }
            query.push((name.clone(), said));
        }
        Ok((path, query))
    }

    fn set_form(&self, request: &mut RelativeRequest, fields: &[(&OperationParameter, Value)]) {
        let has_file = fields.iter().any(|(parameter, _)| {
            let schema = self.schema(parameter.schema);
            schema.kind == SchemaKind::File
                || (schema.kind == SchemaKind::String && schema.has_format("binary"))
        });
        let said = request.content_type.take().filter(|it| is_form(it));
        let said = said.or_else(|| self.consumes.iter().find(|it| is_form(it)).cloned());
        let is_multipart = has_file || said.as_deref().is_some_and(is_multipart);
        let texts_of = |(parameter, value): &(&OperationParameter, Value)| {
            let name = parameter.name.to_string();
            let texts = texts(value, parameter.collection);
            texts.into_iter().map(move |text| (name.clone(), text)).collect::<Vec<_>>()
        };
        if !is_multipart {
            request.content_type =
                Some(said.unwrap_or_else(|| "application/x-www-form-urlencoded".to_owned()));
            request.body = Some(Body::Form(fields.iter().flat_map(texts_of).collect()));
            return;
        }
        let mut parts = Vec::new();
        for field in fields {
            let (parameter, value) = field;
            if self.schema(parameter.schema).kind == SchemaKind::File || value.as_object().is_some()
            {
                let mut part = part(&parameter.name, value);
                part.file_name.get_or_insert_with(|| parameter.name.to_string());
                part.content_type.get_or_insert_with(|| "application/octet-stream".to_owned());
                parts.push(part);
            } else {
                let texts = texts_of(field).into_iter();
                parts.extend(texts.map(|(name, text)| part(&name, &Value::from(text))));
            }
        }
        request.content_type = Some("multipart/form-data".to_owned());
        request.body = Some(Body::Multipart(parts));
    }

    fn set_body(
        &self,
        request: &mut RelativeRequest,
        parameter: &OperationParameter,
        value: Value,
    ) {
        let kind = self.schema(parameter.schema).kind;
        let is_text = value.as_str().is_some()
            && matches!(kind, SchemaKind::String | SchemaKind::File | SchemaKind::Any);
        let chosen = match &request.content_type {
            Some(said) => Some(said.clone()),
            // a text is sent as it is where the service takes one
            None if is_text => self.consumes.first().cloned(),
            None => self.consumes.iter().find(|it| is_json(it)).or(self.consumes.first()).cloned(),
        };
        let chosen = chosen.unwrap_or_else(|| "application/json".to_owned());
        let (said, body) = of_type(value, &chosen);
        let media = match (&body, said) {
            (_, Some(said)) => said,
            (Body::Multipart(_), None) => "multipart/form-data".to_owned(),
            (_, None) => chosen,
        };
        // a type that the flow gives itself counts more than what the content says
        request.content_type.get_or_insert(media);
        request.body = Some(body);
    }
}

/// Names and texts of a query.
fn pairs(parameter: &OperationParameter, value: &Value) -> Vec<(String, String)> {
    let name = parameter.name.as_str();
    if let (Collection::Deep, Some(object)) = (parameter.collection, value.as_object()) {
        let given = object.iter().filter(|(_, value)| !value.is_null());
        return given.map(|(key, value)| (format!("{name}[{key}]"), text(value))).collect();
    }
    let texts = texts(value, parameter.collection);
    texts.into_iter().map(|text| (name.to_owned(), text)).collect()
}

fn path_text(parameter: &OperationParameter, value: &Value) -> Result<String, BindFault> {
    let text = texts(value, parameter.collection).pop().unwrap_or_default();
    if text.is_empty() {
        return Err(BindFault::empty(&parameter.name));
    }
    let once = encoded(&text);
    Ok(if parameter.is_double_encoded { encoded(&once) } else { once })
}

/// A value must not lead to another path than its operation's.
fn check_segment(segment: &str, operation: &Operation) -> Result<(), BindFault> {
    if leads_elsewhere(segment) {
        let message = format!(
            "A value for the path '{}' is '{segment}', which would lead to another path.",
            operation.path
        );
        return Err(BindFault::invalid(message));
    }
    Ok(())
}

fn add_header(
    request: &mut RelativeRequest,
    parameter: &OperationParameter,
    value: &Value,
) -> Result<(), BindFault> {
    let text = texts(value, parameter.collection).pop().unwrap_or_default();
    let name = parameter.name.trim();
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        // some documents name a header as no header can be named: nobody could send it
        return Ok(());
    }
    if HeaderValue::from_bytes(text.as_bytes()).is_err() {
        let message = format!("The value of '{name}' cannot be sent as a header.");
        return Err(BindFault::invalid(message));
    }
    if name.eq_ignore_ascii_case("content-type") {
        request.content_type = Some(text);
    } else {
        request.headers.push((name.to_owned(), text));
    }
    Ok(())
}
