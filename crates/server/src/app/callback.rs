//! Addresses of triggers, and the keys that sign them.

use super::App;
use super::access::{Act, FlowAt, FlowFound};
use super::catalog::FlowEntry;
use super::data::Change;
use super::error::AppError;
use crate::auth::caller::Caller;
use crate::auth::signature;
use expr::Str;
use flow::definition::{RelativePath, Trigger, TriggerBehavior};
use flow::trigger::state::TriggerKind;
use serde_json::json;

/// A signed address.
pub struct CallbackUrl {
    pub value: String,
    pub base_path: String,
    pub method: String,
    pub queries: Vec<(&'static str, String)>,
}

impl CallbackUrl {
    /// The same address under another base.
    pub fn rebase(&mut self, from: &str, to: &str) {
        for url in [&mut self.value, &mut self.base_path] {
            if let Some(rest) = url.strip_prefix(from) {
                *url = format!("{to}{rest}");
            }
        }
    }
}

impl FlowEntry {
    /// The address of a trigger, signed with one of the flow's keys.
    fn signed_address(&self, trigger: &str, path: Option<&str>, which: usize) -> CallbackUrl {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let permission = signature::permission(trigger);
        let sig = self.keys[which].sign(&self.row.id, &permission);
        let (base, id) = (&self.version.info.public_url, &self.row.id);
        let mut base_path =
            format!("{base}/workflows/{id}/triggers/{}/paths/invoke", encode(trigger));
        if let Some(path) = path {
            base_path.push('/');
            base_path.push_str(path);
        }
        let queries = vec![
            ("api-version", "2016-06-01".to_owned()),
            ("sp", permission.clone()),
            ("sv", signature::VERSION.to_owned()),
            ("sig", sig.clone()),
        ];
        let value = format!(
            "{base_path}?api-version=2016-06-01&sp={}&sv={}&sig={sig}",
            encode(&permission),
            signature::VERSION
        );
        CallbackUrl { value, base_path, method: "POST".to_owned(), queries }
    }

    /// The address at which a trigger without a path of its own is called.
    #[must_use]
    pub fn trigger_address(&self, trigger: &str) -> String {
        self.signed_address(trigger, None, 0).value
    }
}

impl App {
    /// The signed address of a Request trigger.
    pub async fn callback_url(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        trigger: Option<&str>,
    ) -> Result<CallbackUrl, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::CALLBACK_URL, at).await?;
        self.signed_url(&entry, trigger, 0)
    }

    /// Gives a flow a new key: addresses signed with the old one end at once.
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        which: usize,
        trigger: Option<&str>,
    ) -> Result<CallbackUrl, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::UPDATE, at).await?;
        // what cannot be answered afterwards is refused before the old key ends
        self.callable_trigger(&entry, trigger)?;
        let mut row = entry.row.clone();
        let key = self.new_key(&row.id)?;
        if which == 0 {
            row.primary_key = key;
        } else {
            row.secondary_key = key;
        }
        // who was given an address that ends now is given another
        let mut ending = None;
        if which == 0
            && let Some(process) = row.trigger_process
            && let Some(TriggerKind::Subscription(_)) = self.engine.trigger_kind(process).await?
        {
            ending = row.trigger_process.take();
        }
        row.changed = self.engine.clock.now();
        let change = Change::default().update_flow(row, None);
        let change = change.audit("RotateKey", &entry.row.id, &json!({"key": which}));
        self.apply(caller, change).await?;
        let entry = self.reload(&entry).await?;
        let entry = self.begin_anew(entry, ending).await?;
        self.signed_url(&entry, trigger, which)
    }

    fn signed_url(
        &self,
        entry: &FlowEntry,
        trigger: Option<&str>,
        which: usize,
    ) -> Result<CallbackUrl, AppError> {
        let (trigger, method, relative_path) = self.callable_trigger(entry, trigger)?;
        let path = relative_path.map(ToString::to_string);
        let mut address = entry.signed_address(&trigger.name, path.as_deref(), which);
        if let Some(method) = method {
            address.method = method.to_uppercase().to_string();
        }
        Ok(address)
    }

    /// The named trigger, or the first one that has an address, with method and path.
    fn callable_trigger<'a>(
        &self,
        entry: &'a FlowEntry,
        name: Option<&str>,
    ) -> Result<(&'a Trigger, Option<&'a Str>, Option<&'a RelativePath>), AppError> {
        let is_callable = |it: &&Trigger| {
            matches!(it.behavior, TriggerBehavior::Request { .. } | TriggerBehavior::Webhook(_))
        };
        let first = entry.version.flow.triggers.iter().find(is_callable);
        let trigger = match first.filter(|_| name.is_none()) {
            Some(first) => first,
            None => self.pick_trigger(entry, name)?,
        };
        match &trigger.behavior {
            TriggerBehavior::Request { method, relative_path, .. } => {
                Ok((trigger, method.as_ref(), relative_path.as_ref()))
            }
            TriggerBehavior::Webhook(_) => Ok((trigger, None, None)),
            _ => {
                let message = format!(
                    "The trigger '{}' is not a Request trigger and has no address.",
                    trigger.name
                );
                Err(AppError::invalid("TriggerNotCallable", message))
            }
        }
    }
}
