//! Users, groups, applications and roles: who there is, and who may say so.

use crate::world::World;
use reqwest::Method;
use serde_json::{Value, json};

/// Good until 2100.
pub const CERTIFICATE: &str = include_str!("certificates/build.pem");
const CERTIFICATE_EXPIRED: &str = include_str!("certificates/expired.pem");
const THUMBPRINT: &str = "63c098639ee1a0b1965eb7a40a9610b7f3473a01ee8063d57bd38d1f1c30144b";

const PASSWORD: &str = "correct horse battery";

/// Creates a user; the object id.
pub async fn user(world: &World, name: &str, roles: Value) -> String {
    let body = json!({"userPrincipalName": name, "roles": roles});
    let user = world.call(Method::POST, "/api/v1/users", body, 201).await;
    user["id"].as_str().expect("an id").to_owned()
}

/// Makes a key that acts as somebody.
pub async fn key(world: &World, name: &str, principal: &str) -> String {
    let body = json!({"name": name, "principal": principal});
    let key = world.call(Method::POST, "/api/v1/keys", body, 201).await;
    key["key"].as_str().expect("a key").to_owned()
}

/// A call with a key: status and body.
pub async fn with_key(
    world: &World,
    key: &str,
    (method, path): (Method, &str),
    body: Option<&Value>,
) -> (u16, Value) {
    let mut request = world.api.request(method, path).bearer_auth(key);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Every operation of the directory, the audit and environments, with a body that it takes.
fn operations() -> Vec<(Method, &'static str, Value)> {
    let role = json!({"role": "tenantAdministrator"});
    let none = Value::Null;
    vec![
        (Method::GET, "/users", none.clone()),
        (Method::POST, "/users", json!({"userPrincipalName": "eve@example.org"})),
        (Method::GET, "/users/ada@example.org", none.clone()),
        (Method::DELETE, "/users/ada@example.org", none.clone()),
        (Method::PUT, "/users/ada@example.org/roles", json!({"roles": [role]})),
        (Method::PUT, "/users/ada@example.org/password", json!({"password": PASSWORD})),
        (Method::POST, "/users/ada@example.org/enable", none.clone()),
        (Method::POST, "/users/ada@example.org/disable", none.clone()),
        (Method::POST, "/users/ada@example.org/revoke", none.clone()),
        (Method::GET, "/groups", none.clone()),
        (Method::POST, "/groups", json!({"displayName": "other"})),
        (Method::GET, "/groups/makers", none.clone()),
        (Method::DELETE, "/groups/makers", none.clone()),
        (Method::POST, "/groups/makers/members", json!({"add": ["ada@example.org"]})),
        (Method::PUT, "/groups/makers/roles", json!({"roles": [role]})),
        (Method::GET, "/applications", none.clone()),
        (Method::POST, "/applications", json!({"displayName": "other"})),
        (Method::GET, "/applications/build", none.clone()),
        (Method::PATCH, "/applications/build", json!({"isConsented": true})),
        (Method::DELETE, "/applications/build", none.clone()),
        (Method::PUT, "/applications/build/roles", json!({"roles": [role]})),
        (Method::POST, "/applications/build/revoke", none.clone()),
        (Method::GET, "/applications/build/secrets", none.clone()),
        (Method::POST, "/applications/build/secrets", json!({})),
        (Method::DELETE, "/applications/build/secrets/1", none.clone()),
        (Method::POST, "/applications/build/certificates", json!({"certificate": CERTIFICATE})),
        (Method::DELETE, "/applications/build/certificates/1", none.clone()),
        (Method::GET, "/principals/build", none.clone()),
        (Method::POST, "/principals/ada@example.org/roles/grant", role.clone()),
        (Method::POST, "/principals/ada@example.org/roles/revoke", role),
        (Method::GET, "/keys", none.clone()),
        (Method::POST, "/keys", json!({"name": "mine", "principal": "ada@example.org"})),
        (Method::GET, "/keys/ada", none.clone()),
        (Method::DELETE, "/keys/ada", none.clone()),
        (Method::GET, "/environments", none.clone()),
        (Method::POST, "/environments", json!({"name": "other"})),
        (Method::GET, "/environments/test", none.clone()),
        (Method::PATCH, "/environments/test", json!({"displayName": "other"})),
        (Method::DELETE, "/environments/test", none.clone()),
        (Method::GET, "/audit", none.clone()),
        (Method::GET, "/audit/export", none.clone()),
        (Method::POST, "/audit/verify", none),
    ]
}

async fn call_all(world: &World, key: &str, expected: [u16; 2]) {
    for (method, path, body) in operations() {
        let path = format!("/api/v1{path}");
        let body = Some(&body).filter(|body| !body.is_null());
        let (status, answer) = with_key(world, key, (method.clone(), &path), body).await;
        assert!(expected.contains(&status), "{method} {path}: {status} {answer}");
    }
}

#[tokio::test]
async fn who_has_no_role_administers_nothing() {
    let world = World::start().await;
    user(&world, "ada@example.org", json!([])).await;
    for (path, name) in [("groups", "makers"), ("applications", "build")] {
        let body = json!({"displayName": name});
        world.call(Method::POST, &format!("/api/v1/{path}"), body, 201).await;
    }
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    let person = key(&world, "ada", "ada@example.org").await;
    let program = key(&world, "build", "build").await;
    let before = world.api.list("/api/v1/audit").await.len();
    call_all(&world, &person, [403, 403]).await;
    call_all(&world, &program, [403, 403]).await;
    call_all(&world, "sgk_unknown", [401, 401]).await;
    assert_eq!(world.api.list("/api/v1/audit").await.len(), before, "nothing was changed");
}

#[tokio::test]
async fn a_user_is_created_changed_and_deleted() {
    let world = World::start().await;
    let body = json!({"userPrincipalName": "Ada@Example.org", "displayName": "Ada",
        "mail": "ada@example.org", "password": PASSWORD});
    let made = world.call(Method::POST, "/api/v1/users", body.clone(), 201).await;
    assert_eq!((&made["displayName"], &made["hasPassword"]), (&json!("Ada"), &json!(true)));
    assert_eq!((&made["isEnabled"], &made["roles"]), (&json!(true), &json!([])));
    assert!(!made.to_string().contains("argon2"), "{made}");
    let again = world.call(Method::POST, "/api/v1/users", body, 409).await;
    assert_eq!(again["error"]["code"], "UserExists");
    let id = made["id"].as_str().expect("an id");
    let mut shown = world.api.get("/api/v1/users/ada@example.org").await;
    assert_eq!(shown["groups"].take(), json!([]));
    assert_eq!(shown["hasSecondFactor"].take(), json!(false));
    for name in ["groups", "hasSecondFactor"] {
        shown.as_object_mut().expect("an object").remove(name);
    }
    assert_eq!(shown, made);
    let path = format!("/api/v1/users/{id}");
    world.call(Method::PUT, &format!("{path}/password"), json!({"password": PASSWORD}), 204).await;
    let weak = json!({"password": "short"});
    let refused = world.call(Method::PUT, &format!("{path}/password"), weak, 400).await;
    assert_eq!(refused["error"]["code"], "WeakPassword");
    assert_eq!(world.api.post(&format!("{path}/disable"), 200).await["isEnabled"], false);
    assert_eq!(world.api.post(&format!("{path}/enable"), 200).await["isEnabled"], true);
    let roles = json!([{"role": "governanceAdministrator"},
        {"role": "environmentMaker", "environment": "default"}]);
    let body = json!({"roles": roles});
    let changed = world.call(Method::PUT, &format!("{path}/roles"), body, 200).await;
    assert_eq!(changed["roles"], roles);
    world.call(Method::DELETE, &path, json!(null), 204).await;
    world.refused(Method::GET, &path, 404, "UserNotFound").await;
    world.refused(Method::DELETE, &path, 404, "UserNotFound").await;
    // of who was deleted, nothing but the object id is left
    let audit = world.api.get("/api/v1/audit?top=1000").await.to_string();
    assert!(audit.contains(id), "{audit}");
    assert!(!audit.contains("Ada") && !audit.to_lowercase().contains("example.org"), "{audit}");
}

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let world = World::start().await;
    let mut expected = Vec::new();
    for n in 0..5 {
        let name = format!("user{n}@example.org");
        user(&world, &name, json!([])).await;
        expected.push(name);
    }
    let mut next = Some("/api/v1/users?top=2".to_owned());
    let (mut names, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = world.api.get(&path).await;
        let rows = page["value"].as_array().expect("a list");
        let name = |user: &Value| user["userPrincipalName"].as_str().expect("a name").to_owned();
        names.extend(rows.iter().map(name));
        next = page["nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert_eq!((names, pages), (expected, 3));
    for path in ["users", "groups", "applications", "keys"] {
        for (query, code) in [
            ("top=0", "InvalidQuery"),
            ("top=1001", "InvalidQuery"),
            ("other=1", "InvalidQuery"),
            ("skipToken=x", "InvalidSkipToken"),
        ] {
            let path = format!("/api/v1/{path}?{query}");
            world.refused(Method::GET, &path, 400, code).await;
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::start().await;
    user(&world, "ada@example.org", json!([])).await;
    let many = vec![json!({"role": "tenantAdministrator"}); 300];
    let unknown = json!([{"role": "environmentMaker", "environment": "none"}]);
    for (path, body, code) in [
        ("users", json!({"userPrincipalName": "ada"}), "InvalidUserPrincipalName"),
        ("users", json!({"userPrincipalName": "a b@c"}), "InvalidUserPrincipalName"),
        ("users", json!({"userPrincipalName": "a@b", "password": "short"}), "WeakPassword"),
        ("users", json!({"userPrincipalName": "a@b", "mail": "x".repeat(300)}), "InvalidUser"),
        ("users", json!({"userPrincipalName": "a@b", "roles": unknown}), "EnvironmentNotFound"),
        ("users", json!({"userPrincipalName": "a@b", "roles": many}), "TooManyRoles"),
        ("users", json!({"userPrincipalName": "a@b", "nmae": 1}), "InvalidRequestContent"),
        (
            "users",
            json!({"userPrincipalName": "a@b", "roles": [{"role": "king"}]}),
            "InvalidRequestContent",
        ),
        ("groups", json!({"displayName": " "}), "InvalidGroupName"),
        ("applications", json!({"displayName": ""}), "InvalidApplicationName"),
        (
            "applications",
            json!({"displayName": "x", "redirectUris": ["http://example.org/"]}),
            "InvalidRedirectUri",
        ),
        ("keys", json!({"name": "k", "principal": "nobody"}), "PrincipalNotFound"),
        ("keys", json!({"name": "a/b", "principal": "ada@example.org"}), "InvalidName"),
        (
            "keys",
            json!({"name": "k", "principal": "ada@example.org", "days": 0}),
            "InvalidLifetime",
        ),
        (
            "keys",
            json!({"name": "k", "principal": "ada@example.org", "days": 1, "seconds": 1}),
            "InvalidLifetime",
        ),
    ] {
        let answer = world.call(Method::POST, &format!("/api/v1/{path}"), body, 400).await;
        assert_eq!(answer["error"]["code"], code, "{path}: {answer}");
    }
    for (path, code) in [
        ("users/none", "UserNotFound"),
        ("groups/none", "GroupNotFound"),
        ("applications/none", "ApplicationNotFound"),
        ("principals/none", "PrincipalNotFound"),
        ("keys/none", "KeyNotFound"),
    ] {
        world.refused(Method::GET, &format!("/api/v1/{path}"), 404, code).await;
    }
}

#[tokio::test]
async fn members_of_a_group_have_its_roles() {
    let world = World::start().await;
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    let person = key(&world, "ada", &ada).await;
    let roles = json!([{"role": "environmentAdministrator", "environment": "test"}]);
    let body = json!({"displayName": "makers", "roles": roles});
    let group = world.call(Method::POST, "/api/v1/groups", body, 201).await;
    assert_eq!((&group["memberCount"], &group["roles"]), (&json!(0), &roles));
    let path = "/api/v1/groups/makers/members";
    let shown = (Method::GET, "/api/v1/environments/test");
    assert_eq!(with_key(&world, &person, shown.clone(), None).await.0, 403);
    let body = json!({"add": ["ada@example.org", ada]});
    let group = world.call(Method::POST, path, body, 200).await;
    assert_eq!(group["members"], json!([{"id": ada}]));
    assert_eq!(with_key(&world, &person, shown.clone(), None).await.0, 200);
    let user = world.api.get("/api/v1/users/ada@example.org").await;
    assert_eq!(user["groups"][0]["displayName"], "makers");
    let unknown = world.call(Method::POST, path, json!({"add": ["nobody"]}), 400).await;
    assert_eq!(unknown["error"]["code"], "PrincipalNotFound");
    let none = json!({"roles": []});
    world.call(Method::PUT, "/api/v1/groups/makers/roles", none, 200).await;
    assert_eq!(with_key(&world, &person, shown.clone(), None).await.0, 403);
    world.call(Method::PUT, "/api/v1/groups/makers/roles", json!({"roles": roles}), 200).await;
    assert_eq!(with_key(&world, &person, shown.clone(), None).await.0, 200);
    world.call(Method::POST, path, json!({"remove": ["ada@example.org"]}), 200).await;
    assert_eq!(with_key(&world, &person, shown.clone(), None).await.0, 403);
    world.call(Method::POST, path, json!({"add": [ada]}), 200).await;
    world.call(Method::DELETE, "/api/v1/users/ada@example.org", json!(null), 204).await;
    assert_eq!(world.api.get("/api/v1/groups/makers").await["members"], json!([]));
    world.call(Method::DELETE, "/api/v1/groups/makers", json!(null), 204).await;
    world.refused(Method::GET, "/api/v1/groups/makers", 404, "GroupNotFound").await;
}

#[tokio::test]
async fn roles_are_granted_and_revoked_one_by_one() {
    let world = World::start().await;
    user(&world, "ada@example.org", json!([])).await;
    world.call(Method::POST, "/api/v1/groups", json!({"displayName": "makers"}), 201).await;
    world.call(Method::POST, "/api/v1/applications", json!({"displayName": "build"}), 201).await;
    let role = json!({"role": "environmentMaker", "environment": "default"});
    for (name, kind) in [("ada@example.org", "user"), ("makers", "group"), ("build", "application")]
    {
        let path = format!("/api/v1/principals/{name}");
        assert_eq!(world.api.get(&path).await["kind"], kind);
        for _ in 0..2 {
            let grant = format!("{path}/roles/grant");
            let granted = world.call(Method::POST, &grant, role.clone(), 200).await;
            assert_eq!(granted["roles"], json!([role]), "{name}");
        }
        let revoked =
            world.call(Method::POST, &format!("{path}/roles/revoke"), role.clone(), 200).await;
        assert_eq!(revoked["roles"], json!([]), "{name}");
    }
    let unknown = json!({"role": "environmentMaker", "environment": "none"});
    let path = "/api/v1/principals/makers/roles/grant";
    let answer = world.call(Method::POST, path, unknown, 400).await;
    assert_eq!(answer["error"]["code"], "EnvironmentNotFound");
}

#[tokio::test]
async fn an_application_has_secrets_and_certificates() {
    let world = World::start().await;
    let body = json!({"displayName": "build", "redirectUris": ["http://localhost/"]});
    let made = world.call(Method::POST, "/api/v1/applications", body, 201).await;
    let path = format!("/api/v1/applications/{}", made["clientId"].as_str().expect("an id"));
    let patch = json!({"isConsented": true, "redirectUris": ["https://example.org/back"]});
    let changed = world.call(Method::PATCH, &path, patch, 200).await;
    assert_eq!(changed["isConsented"], true);
    assert_eq!(changed["redirectUris"], json!(["https://example.org/back"]));
    let bad = json!({"redirectUris": ["ftp://example.org"]});
    world.call(Method::PATCH, &path, bad, 400).await;
    let secrets = format!("{path}/secrets");
    let secret = world.call(Method::POST, &secrets, json!({"days": 90}), 201).await;
    assert!(secret["secret"].as_str().is_some_and(|it| it.len() > 40), "{secret}");
    assert!(secret["expiresTime"].is_string());
    world.api.post(&secrets, 201).await;
    let listed = world.api.get(&secrets).await;
    let listed = listed["value"].as_array().expect("a list");
    assert_eq!((listed.len(), &listed[0]["id"]), (2, &secret["id"]));
    assert_eq!(listed[0].get("secret"), None);
    let one = format!("{secrets}/{}", secret["id"].as_str().expect("an id"));
    world.call(Method::DELETE, &one, json!(null), 204).await;
    world.refused(Method::DELETE, &one, 404, "SecretNotFound").await;
    let certificates = format!("{path}/certificates");
    let add = |text: &str| json!({"certificate": text});
    let told = world.call(Method::POST, &certificates, add(CERTIFICATE), 201).await;
    let until = told["expiresTime"].as_str().expect("a time");
    assert!(until.starts_with("2100-10-25T19:50:03"), "{until}");
    assert_eq!(told["thumbprint"], THUMBPRINT);
    let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let again = world.call(Method::POST, &certificates, add(&der), 400).await;
    assert_eq!(again["error"]["code"], "CertificateExists");
    let expired = world.call(Method::POST, &certificates, add(CERTIFICATE_EXPIRED), 400).await;
    assert_eq!(expired["error"]["code"], "CertificateExpired");
    let none = world.call(Method::POST, &certificates, add("none"), 400).await;
    assert_eq!(none["error"]["code"], "InvalidCertificate");
    let one = format!("{certificates}/{}", THUMBPRINT.to_uppercase());
    world.call(Method::DELETE, &one, json!(null), 204).await;
    world.call(Method::POST, &certificates, add(&der), 201).await;
    world.call(Method::DELETE, &path, json!(null), 204).await;
    world.refused(Method::GET, &path, 404, "ApplicationNotFound").await;
}

#[tokio::test]
async fn a_name_that_several_applications_have_names_none() {
    let world = World::start().await;
    let mut body = json!({"displayName": "build", "isPublic": true});
    let first = world.call(Method::POST, "/api/v1/applications", body.clone(), 201).await;
    body["isPublic"] = false.into();
    world.call(Method::POST, "/api/v1/applications", body, 201).await;
    world.refused(Method::GET, "/api/v1/applications/build", 409, "AmbiguousName").await;
    let path = format!("/api/v1/applications/{}", first["id"].as_str().expect("an id"));
    assert_eq!(world.api.get(&path).await["clientId"], first["clientId"]);
    let secrets = format!("{path}/secrets");
    world.refused(Method::POST, &secrets, 400, "ApplicationIsPublic").await;
}
