//! People and programs with keys of their own, in an environment.

use crate::world::{Answer, World};
use reqwest::Method;
use serde_json::{Value, json};

const ENVIRONMENT: &str = "sales";
pub const PROVIDER: &str = "/providers/Microsoft.ProcessSimple";
const SQL: &str = "/providers/Microsoft.PowerApps/apis/shared_sql";

/// The places of people in [`People::all`].
pub const OWNER: usize = 0;
pub const CO_OWNER: usize = 1;
pub const USER: usize = 2;
pub const ADMINISTRATOR: usize = 3;
pub const STRANGER: usize = 4;
pub const HEAD: usize = 5;
pub const APPLICATION: usize = 6;

/// A connector that the owner brings: [`People::connection`].
pub const CONNECTOR: &str = "shared_rights";

/// The files of a connector.
pub fn connector_body(name: &str) -> Value {
    json!({
        "name": name,
        "definition": json!({"swagger": "2.0", "info": {"title": name}, "paths": {}}).to_string(),
        "properties": r#"{"properties": {"connectionParameters": {"key": {"type": "securestring"}}}}"#,
    })
}

/// A connection of it.
pub fn connection_body() -> Value {
    json!({"properties": {"connectionParameters": {"key": "k"}}})
}

/// Somebody with a key of their own.
pub struct Somebody {
    /// Object id.
    pub id: String,
    pub key: String,
}

/// A server with an environment and people of every kind: owner, co-owner, run-only user,
/// administrator, administrator of another environment, of the tenant, an application that
/// administers the environment, one without a role, and one that administers the tenant.
pub struct People {
    pub world: World,
    /// The environment's name on the wire.
    pub environment: String,
    pub all: Vec<Somebody>,
}

impl People {
    pub async fn meet() -> People {
        People::meet_in(World::start().await).await
    }

    /// People of a server that somebody started.
    pub async fn meet_in(world: World) -> People {
        for name in [ENVIRONMENT, "other"] {
            world.call(Method::POST, "/api/v1/environments", json!({"name": name}), 201).await;
        }
        let shown = world.api.get(&format!("/api/v1/environments/{ENVIRONMENT}")).await;
        let environment = shown["id"].as_str().expect("a name").to_owned();
        let role = |name: &str, within: &str| json!([{"role": name, "environment": within}]);
        let maker = role("environmentMaker", ENVIRONMENT);
        let people = [
            ("owner", maker.clone()),
            ("co-owner", maker.clone()),
            ("user", maker),
            ("administrator", role("environmentAdministrator", ENVIRONMENT)),
            ("stranger", role("environmentAdministrator", "other")),
            ("head", json!([{"role": "tenantAdministrator"}])),
        ];
        let mut all = Vec::new();
        for (name, roles) in people {
            let body = json!({"userPrincipalName": format!("{name}@example.org"), "roles": roles});
            let user = world.call(Method::POST, "/api/v1/users", body, 201).await;
            all.push(somebody(&world, name, &user).await);
        }
        for (name, roles) in [
            ("robot", role("environmentAdministrator", ENVIRONMENT)),
            ("program", json!([])),
            ("manager", json!([{"role": "tenantAdministrator"}])),
        ] {
            let body = json!({"displayName": name, "roles": roles});
            let app = world.call(Method::POST, "/api/v1/applications", body, 201).await;
            all.push(somebody(&world, name, &app).await);
        }
        People { world, environment, all }
    }

    pub async fn send(
        &self,
        who: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let key = &self.all[who].key;
        let mut request = self.world.api.request(method, path).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::of(request).await
    }

    /// A call that must be answered with this status; the body.
    pub async fn ask(
        &self,
        who: usize,
        (method, path): (Method, &str),
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let answer = self.send(who, method.clone(), path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// A connection of the owner's, which the co-owner may change and the user may use, of a
    /// connector of the owner's.
    pub async fn connection(&self, name: &str) {
        let path = format!("/api/v1/environments/{}/connectors", self.environment);
        let made = self.send(OWNER, Method::POST, &path, Some(&connector_body(CONNECTOR))).await;
        assert!([201, 409].contains(&made.status), "{}", made.text);
        let at = format!("apis/{CONNECTOR}/connections/{name}");
        self.api(OWNER, Method::PUT, &at, Some(&connection_body()), 201).await;
        let give = |who: usize, role: &str| {
            let principal = json!({"id": self.all[who].id, "type": "User"});
            json!({"properties": {"roleName": role, "principal": principal}})
        };
        let put = json!({"put": [give(CO_OWNER, "CanEdit"), give(USER, "CanView")]});
        let share = format!("{at}/modifyPermissions");
        self.api(OWNER, Method::POST, &share, Some(&put), 200).await;
    }

    /// An app of the owner's, which the co-owner may change and the user may use.
    pub async fn app(&self, name: &str) {
        let path = format!("/api/v1/environments/{}/apps", self.environment);
        let body = json!({"name": name, "displayName": name});
        self.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
        let give = |who: usize, role: &str| json!({"principal": self.all[who].id, "kind": "User", "role": role});
        let put = json!({"put": [give(CO_OWNER, "CanEdit"), give(USER, "CanView")]});
        let path = format!("{path}/{name}/permissions");
        self.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
    }

    /// A call to `Microsoft.PowerApps`, about the environment.
    pub async fn api(
        &self,
        who: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let path = format!(
            "/providers/Microsoft.PowerApps/{path}?api-version=2016-11-01&$filter=environment%20eq%20%27{}%27",
            self.environment
        );
        self.ask(who, (method, &path), body, status).await
    }

    /// The tenant's id: the default environment has it in its name.
    pub async fn environment_tenant(&self) -> String {
        let shown = self.world.api.get("/api/v1/environments/default").await;
        let name = shown["id"].as_str().expect("a name");
        name.strip_prefix("Default-").expect("the default environment").to_owned()
    }

    /// The path of the environment's flows.
    pub fn flows(&self) -> String {
        format!("{PROVIDER}/environments/{}/flows", self.environment)
    }

    /// The same for administrators.
    pub fn admin_flows(&self) -> String {
        format!("{PROVIDER}/scopes/admin/environments/{}/flows", self.environment)
    }

    /// A flow of the owner's, shared with the co-owner and the run-only user, and a run of
    /// it that waits.
    pub async fn flow(&self) -> (String, String) {
        let path = format!("{PROVIDER}/environments/{}/flows", self.environment);
        let body = flow_body("Shared", "Started");
        let made = self.send(0, Method::POST, &path, Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let flow: Value = serde_json::from_str(&made.text).expect("JSON");
        let name = flow["name"].as_str().expect("a name").to_owned();
        for (what, who) in [("modifyOwners", 1), ("modifyUsers", 2)] {
            let id = &self.all[who].id;
            let body = json!({"put": [{"properties": {"principal": {"id": id, "type": "User"}}}]});
            let path = format!("{path}/{name}/{what}");
            let shared = self.send(0, Method::POST, &path, Some(&body)).await;
            assert_eq!(shared.status, 200, "{what}: {}", shared.text);
        }
        let path = format!("{path}/{name}/triggers/manual/run");
        let run = self.send(0, Method::POST, &path, Some(&json!({}))).await;
        assert_eq!(run.status, 202, "{}", run.text);
        let run: Value = serde_json::from_str(&run.text).expect("JSON");
        (name, run["name"].as_str().expect("a run").to_owned())
    }
}

async fn somebody(world: &World, name: &str, made: &Value) -> Somebody {
    let id = made["id"].as_str().expect("an id").to_owned();
    let body = json!({"name": format!("key of {name}"), "principal": id});
    let key = world.call(Method::POST, "/api/v1/keys", body, 201).await;
    Somebody { id, key: key["key"].as_str().expect("a key").to_owned() }
}

/// A flow with every field that is a caller's to say: it waits, and then would call a
/// connector.
pub fn flow_body(name: &str, state: &str) -> Value {
    let definition = json!({
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}},
        "actions": {
            "Wait": {
                "type": "Wait",
                "inputs": {"interval": {"count": 1, "unit": "Hour"}},
                "runAfter": {}
            },
            "Call": {
                "type": "OpenApiConnection",
                "inputs": {
                    "host": {"apiId": SQL, "connectionName": "shared_sql", "operationId": "Get"},
                    "parameters": {}
                },
                "runAfter": {"Wait": ["Succeeded"]}
            }
        }
    });
    let reference = json!({
        "connectionName": "sql-1", "displayName": "Sales", "id": SQL, "source": "Embedded"
    });
    json!({"properties": {
        "displayName": name, "state": state, "definition": definition,
        "connectionReferences": [reference], "templateName": "from-somewhere"
    }})
}
