//! A server with connectors whose operations flows call, and the service that stands behind.

use super::check::compare;
use super::expected::{self, Call, Fixed};
use super::rules::{Rules, Values};
use super::service::{NUMBER, Service};
use crate::people::{OWNER, People};
use crate::world::{World, definition, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::TempDir;

/// Actions of one flow.
const ACTIONS_MAX: usize = 50;

pub struct Stage {
    pub people: People,
    pub service: Service,
    _dir: TempDir,
}

/// A connector that was imported.
pub struct Connector {
    pub name: String,
    pub operations: usize,
    pub raw: Value,
    pub rules: Rules,
    /// Operations that run code of the connector's own.
    scripted: Vec<String>,
    set: Option<String>,
    values: Values,
    fixed: Fixed,
}

impl Connector {
    fn title(&self) -> String {
        self.raw["info"]["title"].as_str().unwrap_or_default().to_owned()
    }
}

/// Over which of its connections a connector is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The service stands at another address, which the connection says.
    Host,
    /// The address is what the document and its policies make of it.
    Own,
}

impl Way {
    fn connection(self, connector: &Connector) -> String {
        format!("{}-{self:?}", connector.name.trim_start_matches("shared_")).to_lowercase()
    }
}

/// What came of the calls.
#[derive(Debug, Default)]
pub struct Found {
    pub matched: usize,
    /// Calls whose address is nobody's here, and that were refused by its name.
    pub elsewhere: usize,
    pub scripted: usize,
    /// Operations that are not compared, and why: connector, operation, reason.
    pub beyond: BTreeSet<(String, String, String)>,
    pub faults: Vec<String>,
}

impl Found {
    pub fn add(&mut self, other: Found) {
        self.matched += other.matched;
        self.elsewhere += other.elsewhere;
        self.scripted += other.scripted;
        self.beyond.extend(other.beyond);
        self.faults.extend(other.faults);
    }

    fn judge(&mut self, place: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.matched += 1,
            Err(fault) => self.faults.push(format!("{place}: {fault}")),
        }
    }
}

impl Stage {
    pub async fn open() -> Stage {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = rig::Authority::create(dir.path()).expect("an authority");
        let service = Service::start(&authority).await;
        let egress = dir.path().join("egress.toml");
        // what goes elsewhere after all is refused by its name, and goes nowhere
        let port = service.addr.port();
        let rules = format!("allow = [\"127.0.0.1/32\", \"::1/128\"]\nports = [{port}]\n");
        std::fs::write(&egress, rules).expect("the policy can be written");
        let trusted = authority.certificate().to_owned();
        let world = World::start_with(|setup, _| {
            setup.arg("--egress-policy").arg(egress).env("SSL_CERT_FILE", trusted)
        });
        let people = People::meet_in(world.await).await;
        Stage { people, service, _dir: dir }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/environments/{}/connectors{rest}", self.people.environment)
    }

    /// Imports the files of a connector.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn import(
        &self,
        name: &str,
        files: [&str; 2],
        raw: Value,
    ) -> Result<Connector, String> {
        let body = json!({"name": name, "definition": files[0], "properties": files[1]});
        let path = self.path("");
        let answer = self.people.send(OWNER, Method::POST, &path, Some(&body)).await;
        if answer.status != 201 {
            return Err(answer.text);
        }
        // none that the test does not see, and so does not call
        let made: Value = serde_json::from_str(&answer.text).expect("a connector");
        let mut operations = 0;
        if raw.is_object() {
            operations = expected::calls(&raw, &Fixed::new()).len() / 2;
            assert_eq!(made["operations"], json!(operations), "{name}");
        }
        let mut properties = super::read(files[1]).expect("properties");
        if take_sign_ins(&mut properties["properties"]) {
            // signing in is tried elsewhere: here nobody does
            let body = json!({"definition": files[0], "properties": properties.to_string()});
            let path = self.path(&format!("/{name}"));
            self.people.ask(OWNER, (Method::PUT, &path), Some(&body), 200).await;
        }
        let mut connector = self.described(name, raw, &properties);
        connector.operations = operations;
        Ok(connector)
    }

    fn described(&self, name: &str, raw: Value, properties: &Value) -> Connector {
        let rules = Rules::of(properties);
        let set = &properties["properties"]["connectionParameterSets"]["values"][0];
        let (set, parameters) = match set["name"].as_str() {
            Some(name) => (Some(name.to_owned()), &set["parameters"]),
            None => (None, &properties["properties"]["connectionParameters"]),
        };
        let hosts = rules.hosts();
        let mut values = Values::new();
        for (name, parameter) in parameters.as_object().into_iter().flatten() {
            let allowed = &parameter["uiDefinition"]["constraints"]["allowedValues"][0];
            let allowed = allowed["value"].as_str().or(allowed.as_str()).map(str::to_owned);
            let host = self.host_value(&hosts, "connectionParameters", name);
            let value = allowed.or(host).unwrap_or_else(|| planted(name));
            values.insert(name.clone(), value.into());
        }
        let mut fixed = Fixed::new();
        for function in ["queryParameters", "headers"] {
            for name in hosts.iter().flat_map(|it| named(it, function)) {
                let value = self.host_value(&hosts, function, &name);
                fixed.push((name, value.unwrap_or_else(|| "r1".to_owned())));
            }
        }
        let scripted = properties["properties"]["scriptOperations"].as_array();
        let scripted = scripted.into_iter().flatten().filter_map(Value::as_str);
        let scripted = scripted.map(str::to_lowercase).collect();
        Connector { name: name.to_owned(), operations: 0, raw, rules, scripted, set, values, fixed }
    }

    /// What leads to the service, where a template of a host lets it.
    fn host_value(&self, hosts: &[String], function: &str, name: &str) -> Option<String> {
        let port = self.service.addr.port();
        hosts.iter().find_map(|template| {
            let call = format!("@{function}('{name}'").to_lowercase();
            let start = template.to_lowercase().find(&call)?;
            let behind = &template[start + template[start..].find(')')? + 1..];
            let is_whole = behind.is_empty() || behind.starts_with('/');
            match &template[..start] {
                "" if is_whole => Some(format!("http://127.0.0.1:{port}/own")),
                "https://" if is_whole => Some(format!("localhost:{port}")),
                _ => None,
            }
        })
    }

    /// Makes the connection of a way.
    pub async fn connect(&self, connector: &Connector, way: Way) {
        let at = format!("apis/{}/connections/{}", connector.name, way.connection(connector));
        let body = match &connector.set {
            None => json!({"properties": {"connectionParameters": connector.values}}),
            Some(set) => {
                let values = connector.values.iter();
                let values: Values =
                    values.map(|(name, it)| (name.clone(), json!({"value": it}))).collect();
                json!({"properties": {"connectionParametersSet": {"name": set, "values": values}}})
            }
        };
        self.people.api(OWNER, Method::PUT, &at, Some(&body), 201).await;
        if way == Way::Host {
            let url = self.address(connector);
            let path =
                format!("/{}/connections/{}/backend", connector.name, way.connection(connector));
            let body = json!({"kind": "Host", "url": url});
            self.people.ask(OWNER, (Method::PUT, &self.path(&path)), Some(&body), 200).await;
        }
    }

    fn address(&self, connector: &Connector) -> String {
        format!("http://{}/at/{}", self.service.addr, connector.name)
    }

    /// Calls every operation of a connector, all of them together.
    pub async fn call_all(&self, connector: &Connector, way: Way) -> Found {
        let mut found = Found::default();
        let calls = expected::calls(&connector.raw, &connector.fixed);
        let calls: Vec<Call> =
            calls.into_iter().filter(|it| !connector.rules.is_polled(&it.operation)).collect();
        for calls in calls.chunks(ACTIONS_MAX) {
            let actions = calls.iter().enumerate();
            let actions = actions.map(|(at, it)| (format!("A{at}"), action(connector, way, it)));
            let flow = definition(Value::Object(actions.collect()));
            let run = self.run(connector, way, flow).await;
            for (at, call) in calls.iter().enumerate() {
                let path = format!("/api/v1/runs/{run}/actions/A{at}");
                let action = self.people.world.api.get(&path).await;
                self.judge(connector, way, call, &action, &mut found);
            }
        }
        found
    }

    /// Has the triggers of a connector ask which only triggers may ask; nobody else calls.
    pub async fn poll_all(&self, connector: &Connector, way: Way) -> Found {
        let mut found = Found::default();
        let calls = expected::calls(&connector.raw, &connector.fixed);
        for call in calls.iter().filter(|it| connector.rules.is_polled(&it.operation)) {
            let mut trigger = action(connector, way, call);
            trigger["recurrence"] = json!({"frequency": "Day", "interval": 1});
            trigger.as_object_mut().expect("a trigger").remove("runAfter");
            let before = self.service.count();
            self.create(connector, way, with_trigger(trigger, json!({}))).await;
            let place = format!("{} {} as a trigger", connector.title(), call.operation);
            let result = match self.service.wait_for(before).await {
                Some(raw) => compare(&self.wanted(connector, way, call).1.want, &raw),
                None => Err("it did not ask".to_owned()),
            };
            found.judge(&place, result);
        }
        found
    }

    async fn create(&self, connector: &Connector, way: Way, mut flow: Value) -> String {
        flow["parameters"] = json!({
            "$connections": {"defaultValue": {}, "type": "Object"},
            "$authentication": {"defaultValue": {}, "type": "SecureObject"}
        });
        let name = &connector.name;
        let body = json!({"properties": {
            "displayName": format!("{name} {way:?}"), "definition": flow, "state": "Started",
            "connectionReferences": {name: {
                "connectionName": way.connection(connector), "source": "Embedded",
                "id": format!("/providers/Microsoft.PowerApps/apis/{name}")}}
        }});
        let path = self.people.flows();
        let made = self.people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
        made["name"].as_str().expect("a name").to_owned()
    }

    /// Runs a flow to its end; the run's name.
    async fn run(&self, connector: &Connector, way: Way, flow: Value) -> String {
        let name = self.create(connector, way, flow).await;
        let path = format!("{}/{name}/triggers/manual/run", self.people.flows());
        let run = self.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
        let run = run["name"].as_str().expect("a run").to_owned();
        self.people.world.api.ended(&run).await;
        run
    }

    fn judge(
        &self,
        connector: &Connector,
        way: Way,
        call: &Call,
        action: &Value,
        found: &mut Found,
    ) {
        let place = format!("{} {} ({:?}, {way:?})", connector.title(), call.operation, call.given);
        let message = action["error"]["message"].as_str().unwrap_or_default();
        if connector.scripted.contains(&call.operation.to_lowercase()) {
            match message.contains("script.csx") {
                true => found.scripted += 1,
                false => found.faults.push(format!("{place}: its code is not run, and {action}")),
            }
            return;
        }
        if let Some(template) = connector.rules.beyond(&call.operation) {
            let what = format!("the template '{template}', whose effect is tried elsewhere");
            found.beyond.insert((connector.title(), call.operation.clone(), what));
            return;
        }
        let (goes, call) = self.wanted(connector, way, call);
        match goes {
            Goes::Here => {}
            Goes::Nowhere(name) => {
                let what = format!("A policy of the connector needs '{name}'");
                match message.contains(&what) {
                    true => {
                        found.beyond.insert((connector.title(), call.operation, what));
                    }
                    false => found.faults.push(format!("{place}: no {name}, and {action}")),
                }
                return;
            }
            Goes::To(host) => {
                // a history does not show what a connection keeps secret
                let values = connector.values.values().filter_map(Value::as_str);
                let masked = values.fold(host.clone(), |it, value| it.replace(value, "********"));
                match [&host, &masked].iter().any(|it| message.contains(&format!("of '{it}'"))) {
                    true => found.elsewhere += 1,
                    false => found.faults.push(format!("{place}: not to {host}, but {action}")),
                }
                return;
            }
        }
        let headers = action["outputs"]["headers"].as_object().into_iter().flatten();
        let mut number = headers.filter(|it| it.0.eq_ignore_ascii_case(NUMBER));
        let number = number.next().and_then(|it| it.1.as_str()?.parse().ok());
        let raw = number.and_then(|it| self.service.get(it));
        let result = match raw {
            Some(raw) => compare(&call.want, &raw),
            None => Err(format!("it did not arrive: {}", action["error"])),
        };
        found.judge(&place, result);
    }

    /// The call as it must arrive, and where.
    fn wanted(&self, connector: &Connector, way: Way, call: &Call) -> (Goes, Call) {
        let mut call = call.clone();
        credential(connector, &mut call);
        let rewritten = connector.rules.host(&call, &connector.values);
        connector.rules.apply(&mut call, &connector.values);
        let base = match (way, rewritten) {
            (Way::Host, _) => self.address(connector),
            (Way::Own, Ok(rewritten)) => {
                rewritten.unwrap_or_else(|| documented(&connector.raw, &call))
            }
            (Way::Own, Err(name)) => return (Goes::Nowhere(name), call),
        };
        let url = url::Url::parse(&base).expect("an address");
        call.want.path = format!("{}{}", url.path().trim_end_matches('/'), call.want.path);
        let is_here = url.port() == Some(self.service.addr.port());
        let host = url.host_str().unwrap_or_default().to_owned();
        (if is_here { Goes::Here } else { Goes::To(host) }, call)
    }
}

/// Where a call goes.
enum Goes {
    /// To the test's service.
    Here,
    /// To a host that is nobody's here.
    To(String),
    /// A policy needs what the call does not have.
    Nowhere(String),
}

/// Where a document says that the service is.
fn documented(raw: &Value, call: &Call) -> String {
    let server = call.server.clone().or_else(|| expected::server(raw));
    if let Some(url) = server {
        // relative to that of the whole document
        let root = expected::server(raw).unwrap_or_default();
        let base = url::Url::parse(&root).expect("an address");
        return base.join(&url).expect("an address").into();
    }
    let text = |name: &str| raw[name].as_str().unwrap_or_default();
    let scheme = match raw["schemes"].as_array() {
        Some(all) if !all.iter().any(|it| it == "https") => "http",
        _ => "https",
    };
    let base = text("basePath").trim_matches('/');
    format!("{scheme}://{}/{base}", text("host").trim_end_matches('/'))
}

/// What the connection authenticates with.
fn credential(connector: &Connector, call: &mut Call) {
    let raw = &connector.raw;
    let schemes = raw["securityDefinitions"].as_object();
    let schemes = schemes.or_else(|| raw["components"]["securitySchemes"].as_object());
    let schemes: Vec<_> = schemes.into_iter().flatten().collect();
    let value = |name: &str| {
        let letters =
            |text: &str| text.to_lowercase().replace(|it: char| !it.is_alphanumeric(), "");
        let known = connector.values.iter().find(|it| letters(it.0) == letters(name));
        known.and_then(|it| it.1.as_str().map(str::to_owned))
    };
    let login = value("username").map(|it| (it, value("password").unwrap_or_default()));
    let is_basic = schemes.iter().any(|it| it.1["type"] == "basic")
        || connector.set.as_deref() == Some("basic");
    let want = &mut call.want;
    let mut put = |name: &str, value: String| {
        want.headers.retain(|it| !it.0.eq_ignore_ascii_case(name));
        want.headers.push((name.to_owned(), value));
    };
    if let Some((user, password)) = login.filter(|_| is_basic) {
        use base64::Engine as _;
        let pair = format!("{user}:{password}");
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        put("Authorization", format!("Basic {pair}"));
    }
    let keys = schemes.iter().filter(|it| it.1["type"] == "apiKey");
    let is_only = keys.clone().count() == 1;
    for (name, scheme) in keys {
        let at = scheme["name"].as_str().unwrap_or_default().trim();
        let exact = value(name).or_else(|| value(at));
        let named = ["api_key", "key"].iter().find_map(|it| value(it));
        let only = connector.values.iter().filter(|it| !it.0.contains(':'));
        let only = only.filter(|it| planted(it.0) == it.1.as_str().unwrap_or_default());
        let only: Vec<_> = only.collect();
        let single = only.first().filter(|_| only.len() == 1);
        let single = single.and_then(|it| it.1.as_str().map(str::to_owned));
        let Some(key) = exact.or_else(|| named.or(single).filter(|_| is_only)) else { continue };
        match scheme["in"].as_str() {
            Some("query") => {
                let query = &mut call.want.query;
                query.retain(|it| it.0 != at);
                query.push((at.to_owned(), key));
                return;
            }
            _ => {
                let headers = &mut call.want.headers;
                headers.retain(|it| !it.0.eq_ignore_ascii_case(at));
                headers.push((at.to_owned(), key));
            }
        }
    }
}

/// A value that can be told from others.
fn planted(name: &str) -> String {
    format!("planted-{}", name.replace(|it: char| !it.is_ascii_alphanumeric(), "-"))
}

/// The names that a template asks a function for.
fn named(template: &str, function: &str) -> Vec<String> {
    let start = format!("@{function}('");
    let rest = template.split(&start).skip(1);
    rest.filter_map(|it| it.split('\'').next().map(str::to_owned)).collect()
}

/// Takes away what a person signs in for.
fn take_sign_ins(properties: &mut Value) -> bool {
    let mut is_any = false;
    let sets = properties["connectionParameterSets"]["values"].as_array().map_or(0, Vec::len);
    let sets = (0..sets).map(|at| format!("/connectionParameterSets/values/{at}/parameters"));
    for pointer in sets.chain(["/connectionParameters".to_owned()]) {
        let Some(Value::Object(all)) = properties.pointer_mut(&pointer) else { continue };
        let before = all.len();
        all.retain(|_, it| it["type"] != "oauthSetting");
        is_any |= all.len() < before;
    }
    is_any
}

fn action(connector: &Connector, way: Way, call: &Call) -> Value {
    json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": connector.name, "operationId": call.operation,
            "apiId": format!("/providers/Microsoft.PowerApps/apis/{}", connector.name)},
        "parameters": call.parameters,
        "authentication": "@parameters('$authentication')",
        "retryPolicy": {"type": "none"}
    }, "metadata": {"way": way.connection(connector)}})
}

/// All connectors at once, a few at a time; then what only triggers ask, one by one.
pub async fn call_every(stage: Arc<Stage>, connectors: Vec<(Connector, Vec<Way>)>) -> Found {
    let mut found = Found::default();
    let connectors = Arc::new(connectors);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (stage, connectors, next) =
            (Arc::clone(&stage), Arc::clone(&connectors), Arc::clone(&next));
        tasks.spawn(async move {
            let mut found = Found::default();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((connector, ways)) = connectors.get(at) else { return found };
                for way in ways {
                    stage.connect(connector, *way).await;
                    found.add(stage.call_all(connector, *way).await);
                }
            }
        });
    }
    for done in tasks.join_all().await {
        found.add(done);
    }
    for (connector, _) in connectors.iter() {
        found.add(stage.poll_all(connector, Way::Host).await);
    }
    found
}

/// Connectors under way.
const AT_ONCE: usize = 6;
