//! A house with a connector whose service is a provider next to it, and a person.

use crate::login::browser::Browser;
use crate::login::house::{House, MANAGEMENT, NATIVE, root};
use crate::world::Answer;
use connector::http::Secret;
use reqwest::{Client, Method, redirect};
use rig::Oidc;
use serde_json::{Value, json};
use server::app::AppError;
use server::app::access::Scope;
use server::app::connector::ConnectorInput;
use server::app::connector::connection::{
    Connection, ConnectionAct, ConnectionAt, ConnectionFound, ConnectionInput,
};
use server::app::directory::User;
use server::auth::caller::Caller;
use std::collections::BTreeMap;
use url::Url;

pub const CONNECTOR: &str = "shared_files";
pub const NAME: &str = "mine";
pub const SECRET: &str = "planted-client-secret-77aa";
/// Seconds that access tokens of the provider live.
pub const LIFE: i64 = 600;

pub struct Scene {
    pub house: House,
    pub oidc: Oidc,
    pub ada: User,
    /// Of hers, for the native API.
    pub token: String,
    /// The same for the paths of the original, and for those of connectors.
    theirs: [String; 2],
    client: Client,
}

impl Scene {
    /// Everything but a sign-in.
    pub async fn set() -> Scene {
        Scene::set_in(House::open().await).await
    }

    /// The same in a house that somebody built.
    pub async fn set_in(house: House) -> Scene {
        let oidc = provider(&house);
        let ada = house.user("ada", vec![]).await;
        let application = house.public().await;
        house.consent(&application).await;
        let (mut all, hub) = (Vec::new(), "https://apihub.azure.com/.default");
        for audience in [NATIVE, MANAGEMENT, hub] {
            let tokens = house.signed_in(&application, &ada, audience).await;
            all.push(tokens["access_token"].as_str().expect("a token").to_owned());
        }
        let [token, management, hub] = <[String; 3]>::try_from(all).expect("three");
        let theirs = [management, hub];
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .expect("a client");
        let scene = Scene { house, oidc, ada, token, theirs, client };
        let signing_in = json!({"token": {"type": "oauthSetting", "oAuthSettings": {
            "identityProvider": "oauth2", "clientId": "[[CLIENT_ID]]",
            "scopes": ["openid", "offline_access", "files"], "redirectMode": "Global",
            "customParameters": {
                "authorizationUrl": {"value": format!("{}/auth", scene.oidc.address)},
                "tokenUrl": {"value": format!("{}/token", scene.oidc.address)},
                "refreshUrl": {"value": format!("{}/token", scene.oidc.address)},
            }
        }}});
        scene.connector(CONNECTOR, &json!({"connectionParameters": signing_in})).await;
        let body = json!({"clientId": "files", "secret": SECRET});
        let path = format!("/environments/default/connectors/{CONNECTOR}/client");
        let set = scene.api(Method::PUT, &path, Some(&body), 200).await;
        let address = format!("http://{}/oauth/redirect", scene.house.address);
        assert_eq!(
            set,
            json!({"clientId": "files", "hasSecret": true, "redirectAddresses": [address]})
        );
        scene.connect(NAME, ConnectionInput::default()).await.expect("a connection");
        scene
    }

    /// The same, signed in.
    pub async fn signed_in() -> Scene {
        let scene = Scene::set().await;
        scene.sign_in().await;
        scene
    }

    pub fn caller(&self) -> Caller {
        Caller::person(&self.ada.id, Vec::new(), Vec::new())
    }

    pub async fn connector(&self, name: &str, properties: &Value) {
        let input = ConnectorInput {
            name: Some(name.to_owned()),
            definition: json!({"swagger": "2.0", "info": {"title": "Files"}, "paths": {
                "/notes": {"get": {"operationId": "ListNotes", "parameters": [],
                    "responses": {"200": {}}}}}})
            .to_string(),
            properties: json!({"properties": properties}).to_string(),
            ..ConnectorInput::default()
        };
        self.house.app.create_connector(&self.caller(), "default", &input).await.expect("one");
    }

    pub async fn connect(
        &self,
        name: &str,
        input: ConnectionInput,
    ) -> Result<ConnectionFound, AppError> {
        self.connect_to(CONNECTOR, name, input).await
    }

    pub async fn connect_to(
        &self,
        connector: &str,
        name: &str,
        input: ConnectionInput,
    ) -> Result<ConnectionFound, AppError> {
        let at = ("default", connector);
        let made = self.house.app.create_connection(&self.caller(), at, Some(name), input).await;
        made.map(|(found, _)| found)
    }

    pub async fn connection(&self) -> Connection {
        self.connection_of(CONNECTOR).await
    }

    pub async fn connection_of(&self, connector: &str) -> Connection {
        let at = ConnectionAt { environment: "default", connector, name: NAME, scope: Scope::Mine };
        let found = self.house.app.connection_for(&root(), ConnectionAct::GET, at).await;
        found.expect("the connection").connection.value
    }

    /// A token of the connection.
    pub async fn token_of(&self, house: &House) -> Result<Secret, AppError> {
        house.app.access_token_of(&self.connection().await).await
    }

    pub async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let request = self.house.request(method, &format!("/api/v1{path}"));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// A call of the connector's operation over the connection.
    pub async fn notes(&self) -> u16 {
        let request = self.house.request(Method::GET, "/apim/files/mine/notes");
        Answer::of(request.bearer_auth(&self.theirs[1])).await.status
    }

    /// A call as clients of the original make it.
    pub async fn original(&self, method: Method, path: &str, status: u16) -> Value {
        let environment = format!("Default-{}", self.house.app.tenant);
        let path =
            format!("{path}?api-version=2016-11-01&$filter=environment%20eq%20%27{environment}%27");
        let token = &self.theirs[usize::from(path.starts_with("/apim/"))];
        let request = self.house.request(method, &path).bearer_auth(token);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// What is below the connection.
    pub fn path(what: &str) -> String {
        format!("/environments/default/connectors/{CONNECTOR}/connections/{NAME}/{what}")
    }

    /// Asks for a link; its id, and its path here.
    pub async fn link(&self) -> (String, String) {
        let begun = self.api(Method::POST, &Scene::path("consents"), None, 201).await;
        let text = |name: &str| begun[name].as_str().expect("a text").to_owned();
        (text("id"), local(&self.house, &text("link")))
    }

    pub async fn standing(&self, id: &str) -> Value {
        self.api(Method::GET, &Scene::path(&format!("consents/{id}")), None, 200).await
    }

    /// Ada follows a link to the provider's address.
    pub async fn follow(&self, browser: &mut Browser, link: &str) -> String {
        let page = browser.get(&self.house, link).await;
        let page = match page.status {
            303 => page,
            _ => {
                assert!(page.text.contains("Password"), "{}", page.text);
                let name = &self.ada.user_principal_name;
                let page = browser.sign_in(&self.house, link, &page, name).await;
                assert!(page.text.contains("just asked for this"), "{}", page.text);
                let policy = page.header("content-security-policy");
                assert!(policy.contains(&self.oidc.address), "{policy}");
                browser.submit(&self.house, link, &page, &vec![]).await
            }
        };
        assert_eq!(page.status, 303, "{}", page.text);
        page.header("location").to_owned()
    }

    /// Signs in, from the link to the page that says so.
    pub async fn sign_in(&self) {
        let (id, link) = self.link().await;
        let mut browser = Browser::default();
        let address = self.follow(&mut browser, &link).await;
        let back = self.at_provider(&address, true).await;
        let page = browser.get(&self.house, &local(&self.house, &back)).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("is signed in"), "{}", page.text);
        assert_eq!(self.standing(&id).await, json!({"status": "Connected"}));
    }

    /// Goes through the provider's pages; the address to which it sends the browser back.
    pub async fn at_provider(&self, address: &str, consents: bool) -> String {
        let mut cookies = BTreeMap::new();
        let mut next = (Method::GET, Url::parse(address).expect("an address"), "");
        for _ in 0..12 {
            let (method, url, form) = next;
            let pairs: Vec<String> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let kind = "application/x-www-form-urlencoded";
            let request = self.client.request(method, url.clone());
            let request = request.header("cookie", pairs.join("; ")).header("content-type", kind);
            let answer = Answer::of(request.body(form)).await;
            for line in answer.headers.get_all("set-cookie") {
                let pair = line.to_str().expect("a cookie").split(';').next().expect("a pair");
                let (name, value) = pair.split_once('=').expect("a name");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            if answer.status == 303 {
                let place = url.join(answer.header("location")).expect("an address");
                if place.path().starts_with("/oauth/redirect") {
                    return place.into();
                }
                next = (Method::GET, place, "");
                continue;
            }
            assert_eq!(answer.status, 200, "{}", answer.text);
            next = match (answer.text.contains("name=\"login\""), consents) {
                (true, _) => (Method::POST, url, "prompt=login&login=ada&password=any"),
                (false, true) => (Method::POST, url, "prompt=consent"),
                (false, false) => {
                    let abort = url.join(&format!("{}/abort", url.path())).expect("an address");
                    (Method::GET, abort, "")
                }
            };
        }
        panic!("the provider sends nobody back");
    }

    /// Tells the provider something.
    pub async fn tell(&self, what: &str) -> Value {
        let url = format!("{}/rig/{what}", self.oidc.address);
        Answer::of(self.client.get(url)).await.json()
    }

    /// How many times the provider was asked for this, and how often it gave a token.
    pub async fn seen(&self, grant: &str) -> (usize, usize) {
        let all = self.tell("seen").await;
        let all: Vec<&Value> =
            all.as_array().expect("a list").iter().filter(|it| it["grant"] == grant).collect();
        (all.len(), all.iter().filter(|it| it["ok"] == true).count())
    }

    /// Whether the provider believes a token.
    pub async fn is_good(&self, token: &Secret) -> bool {
        let url = format!("{}/token/introspection", self.oidc.address);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token.expose())
            .append_pair("client_id", "files")
            .append_pair("client_secret", SECRET);
        let request = self.client.post(url).body(form.finish());
        let kind = "application/x-www-form-urlencoded";
        Answer::of(request.header("content-type", kind)).await.json()["active"] == true
    }
}

/// Path and query of an address of the house.
pub fn local(house: &House, address: &str) -> String {
    let base = format!("http://{}", house.address);
    address.strip_prefix(&base).unwrap_or_else(|| panic!("not here: {address}")).to_owned()
}

fn provider(house: &House) -> Oidc {
    let redirect = format!("http://{}/oauth/redirect", house.address);
    let settings = json!({
        "accessTokenSeconds": LIFE,
        "clients": [{
            "client_id": "files", "client_secret": SECRET, "redirect_uris": [redirect],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_method": "client_secret_post",
        }, {
            "client_id": "brief", "client_secret": SECRET, "redirect_uris": [redirect],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_post",
        }],
    });
    Oidc::start(&settings.to_string()).expect("a provider")
}
