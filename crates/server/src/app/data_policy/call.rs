//! Calls that are about to be made: what the definition did not say is known now.

use super::rule::{Endpoint, Group, PolicyRules, Use, violations};
use crate::app::App;
use crate::app::connector::call::ConnectionCall;
use crate::app::connector::runtime::Called;
use crate::app::error::{AppError, ErrorKind};
use crate::worker::{Asker, Judged, failure};
use ::connector::http::Judge;
use flow::run::Purpose;
use std::sync::Arc;

/// What connections and operations call the server that they mean: SQL Server, HTTP with
/// Microsoft Entra ID, SMTP, Azure Blob Storage.
const SERVERS: [&str; 9] = [
    "server",
    "sqlServer",
    "url",
    "baseUri",
    "baseResourceUrl",
    "serverAddress",
    "host",
    "accountName",
    "dataset",
];

impl App {
    /// Whether a flow may call an address, by a built-in action or trigger.
    pub(crate) async fn judge_address(
        &self,
        asker: Asker,
        connector: &'static str,
        uri: String,
    ) -> Result<Judged, AppError> {
        let all = self.applied().await?;
        let concerns = |rules: &PolicyRules| {
            rules.has_endpoints(connector) || rules.group(connector) == Group::Blocked
        };
        if !all.iter().any(|it| concerns(&it.rules)) {
            return Ok(Judged::Free);
        }
        let policies = match self.environment_of(asker).await? {
            Some(environment) => self.policies_in(&environment).await?,
            // of a run that is nowhere any more: as if it were everywhere
            None => all.iter().map(|it| Arc::clone(&it.rules)).collect(),
        };
        let uses = [Use {
            path: String::new(),
            connector: connector.to_owned(),
            operation: None,
            endpoint: Endpoint::At(uri),
        }];
        let all_policies = policies;
        let policies: Vec<_> = all_policies.iter().map(|it| &**it).collect();
        if let Some(first) = violations(&policies, &uses).first() {
            let refused = failure("DataPolicyViolation", first.text(), false);
            return Ok(Judged::Refused(refused));
        }
        let is_bounded = policies.iter().any(|it| it.has_endpoints(connector));
        Ok(match is_bounded {
            true => Judged::Bounded(judge(all_policies, connector, None)),
            false => Judged::Free,
        })
    }

    /// Where the flow is that asks.
    async fn environment_of(&self, asker: Asker) -> Result<Option<String>, AppError> {
        let store = &self.engine.store;
        let workflow = match asker {
            Asker::Flow(key) => Some(key),
            Asker::Run(process) => store.run(process).await?.map(|run| run.workflow),
        };
        let row = match workflow {
            Some(key) => store.workflow_by_key(key).await?,
            None => None,
        };
        Ok(row.map(|row| row.environment))
    }

    /// Refuses a call over a connection that a policy does not allow, and gives the rules for
    /// where it may go on, if there are any. What ends a subscription may always be called.
    pub(crate) async fn judge_call(
        &self,
        called: &Called,
        purpose: &Purpose,
    ) -> Result<Option<Judge>, AppError> {
        let policies = self.policies_in(&called.connection.environment).await?;
        if policies.is_empty() || matches!(purpose, Purpose::Unsubscribe { .. }) {
            return Ok(None);
        }
        let connector = &called.connector.name;
        // a path can be written in many ways, of which services know more than we do
        let blocking = policies.iter().find(|it| it.has_blocked_operations(connector));
        if let (None, Some(policy)) = (&called.operation, blocking) {
            let message = format!(
                "The data policy '{}' blocks operations of the connector '{connector}', and the path of this call is none of its document's.",
                policy.name
            );
            return Err(AppError::new(ErrorKind::Forbidden, "DataPolicyViolation", message));
        }
        let is_bounded = policies.iter().any(|it| it.has_endpoints(connector));
        let mut endpoints = match is_bounded {
            true => endpoints_of(called),
            false => Vec::new(),
        };
        if endpoints.is_empty() {
            endpoints.push(Endpoint::Unknown);
        }
        let of = |endpoint| Use {
            path: String::new(),
            connector: connector.clone(),
            operation: called.operation.as_ref().map(ToString::to_string),
            endpoint,
        };
        let uses: Vec<Use> = endpoints.into_iter().map(of).collect();
        refuse_broken(&policies, &uses)?;
        Ok(is_bounded.then(|| {
            let operation = called.operation.as_ref().map(ToString::to_string);
            judge(policies, connector, operation)
        }))
    }

    /// The same for a call from outside that the server answers by itself.
    pub(crate) async fn judge_operation(
        &self,
        call: &ConnectionCall,
        operation: &str,
    ) -> Result<(), AppError> {
        let policies = self.policies_in(&call.connection.environment).await?;
        let used = Use {
            path: String::new(),
            connector: call.connector.name.clone(),
            operation: Some(operation.to_owned()),
            endpoint: Endpoint::Unknown,
        };
        refuse_broken(&policies, &[used])
    }
}

fn refuse_broken(policies: &[Arc<PolicyRules>], uses: &[Use]) -> Result<(), AppError> {
    let policies: Vec<_> = policies.iter().map(|it| &**it).collect();
    match violations(&policies, uses).first() {
        None => Ok(()),
        Some(first) => {
            Err(AppError::new(ErrorKind::Forbidden, "DataPolicyViolation", first.text()))
        }
    }
}

/// Says of each address to which a call goes on what was said of the first.
fn judge(policies: Vec<Arc<PolicyRules>>, connector: &str, operation: Option<String>) -> Judge {
    let connector = connector.to_owned();
    Arc::new(move |uri: &str| {
        let uses = [Use {
            path: String::new(),
            connector: connector.clone(),
            operation: operation.clone(),
            endpoint: Endpoint::At(uri.to_owned()),
        }];
        let policies: Vec<_> = policies.iter().map(|it| &**it).collect();
        violations(&policies, &uses).first().map_or(Ok(()), |first| Err(first.text()))
    })
}

/// Every server that a call over a connection names: all have to be allowed.
fn endpoints_of(called: &Called) -> Vec<Endpoint> {
    let mut found = Vec::new();
    let mut add = |text: &str| {
        // it means the connection's own
        let is_default = text.is_empty() || text.eq_ignore_ascii_case("default");
        if !is_default {
            found.push(Endpoint::At(text.to_owned()));
        }
    };
    for name in SERVERS {
        let given = called.parameters.get(name);
        let inner = called.parameters.get("request").and_then(|it| it.get(name));
        for value in [given, inner].into_iter().flatten() {
            add(value.as_str().unwrap_or_default());
        }
        let own = called.connection.parameters.get(name);
        add(own.and_then(serde_json::Value::as_str).unwrap_or_default());
    }
    if let Some(address) = called.address() {
        add(&address);
    }
    found
}
