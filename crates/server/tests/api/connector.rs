//! Connectors: those of an environment's own, and those that come with the server.

use crate::people::{ADMINISTRATOR, CO_OWNER, OWNER, People, STRANGER, flow_body};
use crate::support::api::path_of;
use crate::world::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

/// Not as a program would print it: it must come back byte for byte.
const DEFINITION: &str = "{ \"swagger\" : \"2.0\",\r\n \"info\": {\"title\": \"Weather\", \"description\": \"How it is\"},
 \"host\": \"weather.example.org\", \"basePath\": \"/v1/\", \"schemes\": [\"https\"],
 \"paths\": {\"/now\": {\"get\": {\"operationId\": \"Now\", \"responses\": {}},
                        \"parameters\": []}} }\n";

const PROPERTIES: &str = r##"{"properties": {
  "iconBrandColor": "#112233",
  "capabilities": [],
  "publisher": "Example",
  "connectionParameters": {"api_key": {"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}}}
}}"##;

fn files() -> Value {
    json!({"definition": DEFINITION, "properties": PROPERTIES, "icon": STANDARD.encode("icon")})
}

fn native(people: &People, rest: &str) -> String {
    format!("/api/v1/environments/{}/connectors{rest}", people.environment)
}

#[tokio::test]
async fn a_connector_is_kept_byte_for_byte() {
    let people = People::meet().await;
    let path = native(&people, "");
    let made = people.ask(OWNER, (Method::POST, &path), Some(&files()), 201).await;
    assert_eq!(made["displayName"], "Weather");
    assert_eq!(made["service"], "https://weather.example.org/v1");
    assert_eq!(made["operations"], 1);
    let name = made["name"].as_str().expect("a name");
    assert!(name.starts_with("shared_weather-5f"), "{name}");
    for (file, content) in [
        ("apiDefinition.swagger.json", DEFINITION),
        ("apiProperties.json", PROPERTIES),
        ("icon.png", "icon"),
    ] {
        let path = native(&people, &format!("/{name}/files/{file}"));
        let answer = people.send(CO_OWNER, Method::GET, &path, None).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, content), "{file}");
    }
    // the provider tells where the files are, for clients without a token there
    let shown = people.api(OWNER, Method::GET, &format!("apis/{name}"), None, 200).await;
    let properties = &shown["properties"];
    assert_eq!(properties["isCustomApi"], true);
    assert_eq!(properties["iconBrandColor"], "#112233");
    assert_eq!(properties["publisher"], "Example");
    assert_eq!(properties["createdBy"]["id"], people.all[OWNER].id.as_str());
    assert_eq!(properties["environment"]["name"], people.environment.as_str());
    let swagger = properties["apiDefinitions"]["originalSwaggerUrl"].as_str().expect("a URL");
    let without_token =
        async |url: &str| Answer::of(people.world.api.request(Method::GET, path_of(url))).await;
    let read = without_token(swagger).await;
    assert_eq!((read.status, read.text.as_str()), (200, DEFINITION));
    let icon = without_token(properties["iconUri"].as_str().expect("a URL")).await;
    assert_eq!(icon.text, "icon");
    // an address that somebody made is none
    for wrong in [swagger.replace("se=6", "se=7"), swagger.replace("sig=", "sig=x")] {
        assert_eq!(without_token(&wrong).await.status, 403, "{wrong}");
    }
}

#[tokio::test]
async fn connectors_are_listed_with_those_of_the_server() {
    let people = People::meet().await;
    let path = native(&people, "");
    people.ask(OWNER, (Method::POST, &path), Some(&files()), 201).await;
    let names = |list: &Value| -> Vec<String> {
        let entries = list["value"].as_array().expect("a list").iter();
        entries
            .map(|it| it["properties"]["displayName"].as_str().unwrap_or("").to_owned())
            .collect()
    };
    let all = people.api(CO_OWNER, Method::GET, "apis", None, 200).await;
    let server = ["Power Automate Management", "Power Automate for Admins"];
    let first = names(&all);
    assert_eq!(first[..3], [&["Weather"], server.as_slice()].concat());
    assert!(first.iter().any(|name| name == "SMTP") && first.len() > 10, "{first:?}");
    let own = format!(
        "/providers/Microsoft.PowerApps/apis?$filter=environment%20eq%20%27{}%27%20and%20IsCustomApi%20eq%20%27True%27",
        people.environment
    );
    assert_eq!(names(&people.ask(CO_OWNER, (Method::GET, &own), None, 200).await), ["Weather"]);
    let scope = format!(
        "/providers/Microsoft.PowerApps/scopes/admin/environments/{}/apis",
        people.environment
    );
    let administered = people.ask(ADMINISTRATOR, (Method::GET, &scope), None, 200).await;
    assert_eq!(names(&administered), first);
    people.ask(CO_OWNER, (Method::GET, &scope), None, 403).await;
    // another environment has none of it
    let other = "/providers/Microsoft.PowerApps/scopes/admin/environments/other/apis";
    assert_eq!(names(&people.ask(STRANGER, (Method::GET, other), None, 200).await), first[1..]);
}

#[tokio::test]
async fn a_connector_is_changed_by_who_brought_it_and_by_administrators() {
    let people = People::meet().await;
    let path = native(&people, "");
    let mut body = files();
    body["name"] = json!("shared_weather");
    people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
    people.ask(CO_OWNER, (Method::POST, &path), Some(&body), 409).await;
    let own = native(&people, "/shared_weather");
    let other =
        json!({"definition": DEFINITION.replace("Weather", "Climate"), "properties": PROPERTIES});
    for (who, status) in [(CO_OWNER, 403), (STRANGER, 403), (OWNER, 200), (ADMINISTRATOR, 200)] {
        people.ask(who, (Method::PUT, &own), Some(&other), status).await;
    }
    let shown = people.ask(OWNER, (Method::GET, &own), None, 200).await;
    assert_eq!(shown["displayName"], "Climate");
    let built_in = native(&people, "/shared_flowmanagement");
    people.ask(ADMINISTRATOR, (Method::PUT, &built_in), Some(&other), 409).await;
    people.ask(ADMINISTRATOR, (Method::DELETE, &native(&people, "/shared_none")), None, 404).await;
    // not while there is a connection of it
    let connection = json!({"properties": {"connectionParameters": {"api_key": "k"}}});
    let at = "apis/shared_weather/connections/mine";
    people.api(CO_OWNER, Method::PUT, at, Some(&connection), 201).await;
    people.ask(OWNER, (Method::DELETE, &own), None, 409).await;
    people.api(CO_OWNER, Method::DELETE, at, None, 200).await;
    people.ask(OWNER, (Method::DELETE, &own), None, 204).await;
    people.ask(OWNER, (Method::GET, &own), None, 404).await;
}

#[tokio::test]
async fn what_is_no_connector_is_refused_with_the_place() {
    let people = People::meet().await;
    let path = native(&people, "");
    for (definition, properties, place) in [
        ("no JSON", PROPERTIES, "apiDefinition.swagger.json, at $:"),
        (r#"{"swagger": "1.2"}"#, PROPERTIES, "at $.swagger: Version '1.2'"),
        (r#"{"paths": {}}"#, PROPERTIES, "at $.swagger:"),
        (r#"{"swagger": "2.0", "paths": {}}"#, PROPERTIES, "at $.info.title:"),
        (r#"{"openapi": "3.0.1", "info": {"title": "x"}}"#, PROPERTIES, "at $.paths:"),
        (DEFINITION, "{}", "apiProperties.json, at $.properties:"),
        (
            DEFINITION,
            r#"{"properties": {"connectionParameters": {"a": {}}}}"#,
            "at $.properties.connectionParameters.a.type:",
        ),
        (
            DEFINITION,
            r#"{"properties": {"connectionParameterSets": {"values": [{}]}}}"#,
            "at $.properties.connectionParameterSets.values[0].name:",
        ),
    ] {
        let body = json!({"definition": definition, "properties": properties});
        let refused = people.ask(OWNER, (Method::POST, &path), Some(&body), 400).await;
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(place), "{message}");
    }
    let mut body = files();
    body["name"] = json!("weather/../x");
    let refused = people.ask(OWNER, (Method::POST, &path), Some(&body), 400).await;
    assert_eq!(refused["error"]["code"], "InvalidConnectorName");
}

#[tokio::test]
async fn a_flow_tells_what_is_known_of_its_connectors() {
    let people = People::meet().await;
    let mut body = files();
    body["name"] = json!("shared_weather");
    people.ask(OWNER, (Method::POST, &native(&people, "")), Some(&body), 201).await;
    let mut flow = flow_body("Forecast", "Stopped");
    let id = |name: &str| format!("/providers/Microsoft.PowerApps/apis/{name}");
    flow["properties"]["connectionReferences"] = json!([
        {"connectionName": "mine", "id": id("shared_weather"), "source": "Embedded"},
        {"connectionName": "other", "id": id("shared_elsewhere"), "source": "Embedded"}
    ]);
    let made = people.ask(OWNER, (Method::POST, &people.flows()), Some(&flow), 201).await;
    let path = format!("{}/{}", people.flows(), made["name"].as_str().expect("a name"));
    let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    let references = &shown["properties"]["connectionReferences"];
    let known = &references["shared_weather"]["apiDefinition"]["properties"];
    assert_eq!((&known["displayName"], &known["isCustomApi"]), (&json!("Weather"), &json!(true)));
    let runtime = known["primaryRuntimeUrl"].as_str().expect("an address");
    assert!(runtime.ends_with("/apim/weather"), "{runtime}");
    let unknown = &references["shared_elsewhere"]["apiDefinition"]["properties"];
    assert_eq!(unknown["displayName"], Value::Null);
}
