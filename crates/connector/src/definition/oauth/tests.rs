use super::*;
use serde_json::json;

const REDIRECT: &str = "https://flows.example/oauth/redirect";

fn values(given: Value) -> Map<String, Value> {
    match given {
        Value::Object(entries) => entries,
        _ => Map::new(),
    }
}

fn query(address: &str) -> Vec<(String, String)> {
    Url::parse(address).unwrap().query_pairs().into_owned().collect()
}

fn has(pairs: &[(String, String)], name: &str, value: &str) -> bool {
    pairs.iter().any(|(known, given)| known == name && given == value)
}

fn pairs(form: &TokenForm) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form.form.as_bytes()).into_owned().collect()
}

const OWN: Client<'_> = Client { id: Some("mine"), secret: Some("s&cret") };

#[test]
fn oauth2_takes_its_addresses_from_the_settings() {
    let settings = SignIn::read(&json!({
        "identityProvider": "OAuth2", "clientId": "<client-id>", "scopes": ["a b", "c"],
        "customParameters": {
            "authorizationUrl": {"value": "https://id.example/authorize?x=1"},
            "tokenUrl": {"value": "https://id.example/token"},
        }
    }));
    let none = Map::new();
    let plan = Plan::new(("token", &settings), &none, OWN, REDIRECT).unwrap();
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let address = plan.authorization("s 1", verifier).unwrap();
    assert!(address.starts_with("https://id.example/authorize?x=1&response_type=code"));
    let asked = query(&address);
    // RFC 7636, Appendix B
    assert!(has(&asked, "code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    for (name, value) in [
        ("code_challenge_method", "S256"),
        ("client_id", "mine"),
        ("redirect_uri", REDIRECT),
        ("state", "s 1"),
        ("scope", "a b c"),
    ] {
        assert!(has(&asked, name, value), "{name}: {address}");
    }
    let redeemed = plan.redeem("c/1", verifier).unwrap();
    assert_eq!(redeemed.uri, "https://id.example/token");
    let sent = pairs(&redeemed);
    assert!(has(&sent, "code", "c/1") && has(&sent, "code_verifier", verifier));
    assert!(has(&sent, "client_secret", "s&cret") && has(&sent, "redirect_uri", REDIRECT));
    // without an address of its own, a refresh goes where tokens are
    let refreshed = plan.refresh("r1").unwrap();
    assert_eq!(refreshed.uri, "https://id.example/token");
    assert!(has(&pairs(&refreshed), "grant_type", "refresh_token"));
    // what stands in the file is no client
    assert!(Plan::new(("token", &settings), &none, Client::default(), REDIRECT).is_err());
}

#[test]
fn a_directory_has_addresses_of_a_tenant() {
    let settings = SignIn::read(&json!({
        "identityProvider": "aad", "clientId": "86725e8b-905b-456a-ab76-0dd3488ea9e6",
        "scopes": ["user_impersonation"],
        "customParameters": {
            "LoginUri": {"value": "https://login.windows.net"},
            "TenantId": {"value": "common"},
            "ResourceUri": {"value": "https://graph.example"},
        }
    }));
    let given = values(json!({"token:TenantId": "contoso"}));
    let plan = Plan::new(("token", &settings), &given, Client::default(), REDIRECT).unwrap();
    assert_eq!(plan.client_id(), "86725e8b-905b-456a-ab76-0dd3488ea9e6");
    assert!(plan.takes_certificate());
    let address = plan.authorization("s", "v").unwrap();
    assert!(
        address.starts_with("https://login.windows.net/contoso/oauth2/authorize?"),
        "{address}"
    );
    assert!(has(&query(&address), "resource", "https://graph.example"));
    let form = plan.redeem("c", "v").unwrap();
    assert_eq!(form.uri, "https://login.windows.net/contoso/oauth2/token");
    assert!(has(&pairs(&form), "resource", "https://graph.example"));
}

#[test]
fn a_service_principal_needs_no_person() {
    let settings = SignIn::read(&json!({
        "identityProvider": "aad",
        "customParameters": {
            "TenantId": {}, "grantType": {"value": "client_credentials"},
            "ResourceUri": {"value": "https://management.example"},
        }
    }));
    let given = values(json!({
        "token:TenantId": "t", "token:clientId": "c", "token:clientSecret": "s", "other": 1
    }));
    let plan = Plan::new(("token", &settings), &given, OWN, REDIRECT).unwrap();
    assert!(plan.is_client_credentials(false));
    let form = plan.client_credentials().unwrap();
    assert_eq!(form.uri, "https://login.microsoftonline.com/t/oauth2/token");
    let sent = pairs(&form);
    assert!(has(&sent, "grant_type", "client_credentials") && has(&sent, "client_id", "c"));
    assert!(
        has(&sent, "client_secret", "s") && has(&sent, "resource", "https://management.example")
    );
}

#[test]
fn who_gives_a_client_elsewhere_still_signs_in() {
    let settings = |provider: &str| {
        SignIn::read(&json!({"identityProvider": provider, "customParameters": {
            "authorizationUrl": {"value": "/authorize"}, "tokenUrl": {"value": "/token"}}}))
    };
    // a directory takes the secret, another provider a person
    assert!(settings("aad").is_by_itself(true) && !settings("aad").is_by_itself(false));
    let settings = settings("oauth2");
    assert!(!settings.is_by_itself(true));
    let mut given = values(json!({
        "token:clientId": "theirs", "token:authorizationUrl": "https://a.example/in",
        "token:scopes": "x y",
    }));
    let plan = Plan::new(("token", &settings), &given, OWN, REDIRECT).unwrap();
    // another's secret does not go with their client
    assert_eq!((plan.client_id(), plan.secret()), ("theirs", None));
    let refused = plan.authorization("s", "v");
    assert!(refused.is_ok(), "{refused:?}");
    assert!(has(&query(&refused.unwrap()), "scope", "x y"));
    let refused = plan.redeem("c", "v").err().unwrap();
    assert_eq!(refused, "The 'tokenUrl' of the connector's sign-in is no address: '/token'.");
    given.insert("token:grantType".to_owned(), json!("client_credentials"));
    let plan = Plan::new(("token", &settings), &given, OWN, REDIRECT).unwrap();
    assert!(plan.is_client_credentials(false));
}

#[test]
fn templates_are_filled() {
    // the settings of the connector "Zoho Mail"
    let settings = SignIn::read(&json!({
        "identityProvider": "oauth2generic", "scopes": ["A.READ", "B.ALL"],
        "customParameters": {
            "authorizationUrlTemplate": {"value": "https://accounts.zoho{CustomHost}/oauth/v2/auth"},
            "authorizationUrlQueryStringTemplate": {"value": "?response_type=code&client_id={clientId}&redirect_uri={redirectUrl}&state={State}&scope={Scopes}&access_type=offline"},
            "tokenUrlTemplate": {"value": "https://accounts.zoho{CustomHost}/oauth/v2/token"},
            "tokenBodyTemplate": {"value": "code={code}&grant_type=authorization_code&client_id={clientId}&client_secret={AppClientSecret}&scope={Scope}"},
            "refreshUrlTemplate": {"value": "https://accounts.zoho{CustomHost}/oauth/v2/refresh"},
            "refreshBodyTemplate": {"value": "grant_type=refresh_token&refresh_token={RefreshToken}&client_id={clientId}&client_secret={clientSecret}"},
            "scopeListDelimiter": {"value": ","},
        }
    }));
    let given = values(json!({"token:customHost": ".eu"}));
    let plan = Plan::new(("token", &settings), &given, OWN, REDIRECT).unwrap();
    assert_eq!(
        plan.authorization("s&1", "v").unwrap(),
        "https://accounts.zoho.eu/oauth/v2/auth?response_type=code&client_id=mine&redirect_uri=https%3A%2F%2Fflows.example%2Foauth%2Fredirect&state=s%261&scope=A.READ%2CB.ALL&access_type=offline"
    );
    let form = plan.redeem("c&1", "v").unwrap();
    assert_eq!(form.uri, "https://accounts.zoho.eu/oauth/v2/token");
    assert_eq!(
        form.form,
        "code=c%261&grant_type=authorization_code&client_id=mine&client_secret=s%26cret&scope=A.READ%2CB.ALL"
    );
    let form = plan.refresh("r").unwrap();
    assert_eq!(form.uri, "https://accounts.zoho.eu/oauth/v2/refresh");
    assert!(form.form.starts_with("grant_type=refresh_token&refresh_token=r&"));
    let none = Map::new();
    let plan = Plan::new(("token", &settings), &none, OWN, REDIRECT).unwrap();
    let refused = plan.authorization("s", "v").unwrap_err();
    assert_eq!(refused, "In the connector's sign-in, nothing is known for '{CustomHost}'.");
}

#[test]
fn providers_are_known_by_name() {
    for (name, begins) in [
        ("GitHub", "https://github.com/login/oauth/authorize?"),
        ("google", "https://accounts.google.com/o/oauth2/v2/auth?"),
        ("DocuSign", "https://eu.example/oauth/auth?"),
    ] {
        let settings = SignIn::read(&json!({"identityProvider": name, "customParameters":
            match name { "DocuSign" => json!({"LoginUri": {"value": "https://eu.example/"}}), _ => json!({}) }}));
        let none = Map::new();
        let plan = Plan::new(("token", &settings), &none, OWN, REDIRECT).unwrap();
        let address = plan.authorization("s", "v").unwrap();
        assert!(address.starts_with(begins), "{address}");
        assert_eq!(has(&query(&address), "access_type", "offline"), name == "google");
    }
    let settings = SignIn::read(&json!({"identityProvider": "acme"}));
    let none = Map::new();
    let plan = Plan::new(("token", &settings), &none, OWN, REDIRECT).unwrap();
    let refused = plan.authorization("s", "v").unwrap_err();
    assert_eq!(refused, "The connector's sign-in ('acme') has no 'authorizationUrl'.");
}

#[test]
fn a_connectors_secret_is_not_for_a_host_that_a_connection_names() {
    let settings = |custom: Value| {
        SignIn::read(&json!({"identityProvider": "oauth2generic", "customParameters": custom}))
    };
    let chosen = |settings: &SignIn, given: Value| {
        let given = values(given);
        let plan = Plan::new(("token", settings), &given, OWN, REDIRECT).unwrap();
        plan.hosts_chosen_with_anothers_client()
    };
    let host = settings(json!({"tokenUrlTemplate": {"value": "https://{MyHost}/{Realm}/token"}}));
    assert_eq!(
        chosen(&host, json!({"token:myhost": "evil.example", "token:realm": "r"})),
        ["token:MyHost"]
    );
    assert_eq!(chosen(&host, json!({"token:realm": "r"})), Vec::<String>::new());
    let own = json!({"token:myhost": "mine.example", "token:clientId": "c"});
    assert_eq!(chosen(&host, own), Vec::<String>::new());
    let whole = settings(json!({"tokenUrlTemplate": {"value": "{TokenUrl}"}}));
    assert_eq!(
        chosen(&whole, json!({"token:tokenUrl": "https://evil.example"})),
        ["token:TokenUrl"]
    );
    let plain = settings(json!({"tokenUrl": {"value": "https://id.example/token"}}));
    assert_eq!(
        chosen(&plain, json!({"token:tokenUrl": "https://evil.example"})),
        ["token:tokenUrl"]
    );
    let directory = SignIn::read(&json!({"identityProvider": "aad"}));
    assert_eq!(chosen(&directory, json!({"token:TenantId": "t"})), Vec::<String>::new());
    assert_eq!(
        chosen(&directory, json!({"token:loginUri": "https://evil.example"})),
        ["token:loginUri"]
    );
}
