//! HTTP with Entra ID: a call to one service, with a token of the connection's client.
//!
//! Deliberately absent: tokens of persons; the connection's client is the caller.
//!
//! Invariant: the token goes to the service's own address only, and no redirect is followed.

use bytes::Bytes;
use expr::Value;
use url::Url;

use super::argument::Settings;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context, HttpFailure};
use crate::http::authentication::AUTHORITY_DEFAULT;
use crate::http::headers::sendable;
use crate::http::{
    Authentication, ClientCredential, HttpCall, OAuthClient, Redirects, Secret, Transfer,
};

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let connection = Settings(called.connection);
    let base = connection.required("baseResourceUrl")?;
    let base = Url::parse(&base).map_err(|_| {
        Stop::bad("The connection's 'baseResourceUrl' is no address; expected like https://host.")
    })?;
    if called.operation == "TestConnection" {
        return test(context, called, base).await;
    }
    let request = Arguments(called.parameters).object("request")?;
    let url = target(&base, &request.required("url")?)?;
    let body = request.get("body").map(expr::content::to_body);
    let mut headers = headers(request, body.is_some())?;
    if let Some((kind, _)) = &body
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("Content-Type".to_owned(), kind.clone()));
    }
    let sent = context.http.send(HttpCall {
        method: request.required("method")?,
        uri: url.into(),
        headers,
        body: body.map(|(_, bytes)| Bytes::from(bytes)),
        authentication: Authentication::ActiveDirectoryOAuth(client(connection, &base)?),
        timeout: called.timeout,
        redirects: Redirects::Stay,
        transfer: Transfer::Whole,
    });
    let answer = Box::pin(sent).await?;
    let kind = answer.headers.iter().find(|(name, _)| name == "content-type");
    let kind = kind.map(|(_, value)| value.as_str());
    let body = match expr::content::from_body(kind, &answer.body) {
        Ok(body) => body,
        Err(_) => expr::content::envelope("application/octet-stream", &answer.body).into(),
    };
    Ok(Answered { status: answer.status, headers: answer.headers, body })
}

/// The connection's client, for tokens of its service.
fn client(connection: Settings<'_>, base: &Url) -> Result<OAuthClient, Stop> {
    Ok(OAuthClient {
        tenant: connection.required("tenantId")?,
        audience: connection.text("resourceUri").unwrap_or_else(|| origin(base)),
        client_id: connection.required("clientId")?,
        credential: ClientCredential::Secret(Secret::new(connection.required("clientSecret")?)),
        authority: connection.text("authority").unwrap_or_else(|| AUTHORITY_DEFAULT.to_owned()),
    })
}

/// Whether the client gets a token, and its service believes it: what else the service says
/// to a bare call of its address does not matter.
async fn test(context: &Context, called: Called<'_>, base: Url) -> Outcome {
    let client = client(Settings(called.connection), &base)?;
    let sent = context.http.send(HttpCall {
        method: "GET".to_owned(),
        uri: base.into(),
        headers: Vec::new(),
        body: None,
        authentication: Authentication::ActiveDirectoryOAuth(client),
        timeout: called.timeout,
        redirects: Redirects::Stay,
        transfer: Transfer::Whole,
    });
    match Box::pin(sent).await {
        Ok(answer) if matches!(answer.status, 401 | 403) => Err(Stop::Answer(
            answer.status,
            format!(
                "The service answers {} to the token of the connection's client.",
                answer.status
            ),
        )),
        Ok(answer) if answer.status >= 500 => {
            Err(Stop::Answer(502, format!("The service answers {}.", answer.status)))
        }
        Ok(_) => Ok(Answered::empty(200)),
        // of a call that is made up here, only the client can be wrong
        Err(HttpFailure::Invalid(reason)) => Err(Stop::Answer(401, format!("No token: {reason}."))),
        Err(failure) => Err(failure.into()),
    }
}

/// A path below the service's address, or a whole address at the same host.
fn target(base: &Url, wanted: &str) -> Result<Url, Stop> {
    let wanted = wanted.trim();
    let relative = wanted.trim_start_matches('/');
    let joined = if Url::parse(wanted).is_ok() {
        Url::parse(wanted)
    } else {
        let below = format!("{}/{relative}", base.as_str().trim_end_matches('/'));
        Url::parse(&below)
    };
    match joined {
        Ok(url) if url.origin() == base.origin() && url.scheme() == base.scheme() => Ok(url),
        _ => Err(Stop::Answer(
            400,
            format!(
                "The address is not one of the connection's service; expected one that begins \
                 with {}.",
                origin(base)
            ),
        )),
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Headers come as an object, or as a list of names with values.
fn headers(request: Arguments<'_>, has_body: bool) -> Result<Vec<(String, String)>, Stop> {
    let mut found = Vec::new();
    match request.get("headers") {
        None => {}
        Some(Value::Array(_)) => {
            for header in request.objects("headers")? {
                let value = header.text("value")?.unwrap_or_default();
                found.push((header.required("name")?, value));
            }
        }
        Some(_) => {
            let object = request.object("headers")?;
            for (name, _) in object.0.iter() {
                found.push((name.to_string(), object.text(name)?.unwrap_or_default()));
            }
        }
    }
    found.retain(|(name, _)| {
        sendable(name, has_body) && !name.eq_ignore_ascii_case("authorization")
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_itself_is_called() {
        let base = Url::parse("https://api.contoso.com/v1/").unwrap();
        let found = |wanted: &str| target(&base, wanted).map(String::from).ok();
        assert_eq!(found("/items?a=b").as_deref(), Some("https://api.contoso.com/v1/items?a=b"));
        assert_eq!(
            found("https://api.contoso.com/v2").as_deref(),
            Some("https://api.contoso.com/v2")
        );
        for wanted in [
            "https://evil.example/x",
            "http://api.contoso.com/x",
            "https://api.contoso.com:8443/x",
            "https://api.contoso.com@evil.example/x",
            "https://api.contoso.com.evil.example/x",
        ] {
            assert_eq!(found(wanted), None, "{wanted}");
        }
        for wanted in ["//evil.example/x", "@evil.example/x", "\\\\evil.example\\x"] {
            let found = Url::parse(&found(wanted).unwrap()).unwrap();
            assert_eq!(found.host_str(), Some("api.contoso.com"), "{wanted}");
        }
    }
}
