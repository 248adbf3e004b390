//! The rules as tables, and what holds for all of them.

use super::*;

fn connector(name: &str, group: Group) -> ConnectorRule {
    ConnectorRule {
        connector: name.to_owned(),
        group,
        blocked_operations: Vec::new(),
        endpoints: Vec::new(),
    }
}

fn used(connector: &str, operation: Option<&str>, endpoint: Endpoint) -> Use {
    Use {
        path: format!("$.actions.{connector}"),
        connector: connector.to_owned(),
        operation: operation.map(str::to_owned),
        endpoint,
    }
}

fn plain(connector: &str) -> Use {
    used(connector, None, Endpoint::Later)
}

fn told(policies: &[&PolicyRules], uses: &[Use]) -> Vec<(&'static str, String, Option<String>)> {
    let found = violations(policies, uses).into_iter();
    found.map(|it| (it.kind.name(), it.connector, it.what)).collect()
}

/// Connectors that are used, and what is broken then.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str, Option<&'a str>)]);

#[test]
fn groups_are_kept_apart_and_blocked_ones_out() {
    let rules = [
        connector("shared_SQL", Group::Business),
        connector("shared_mail", Group::Business),
        connector("Http", Group::Blocked),
    ];
    let policy = PolicyRules::new("p", Group::NonBusiness, &rules);
    let cases: [Case<'_>; 6] = [
        (&["shared_sql", "shared_mail"], &[]),
        (&["shared_rss", "shared_other"], &[]),
        (&["shared_sql", "shared_rss"], &[("ConnectorsMixed", "shared_rss", Some("shared_sql"))]),
        (&["http"], &[("ConnectorBlocked", "http", None)]),
        (&["Http", "shared_rss"], &[("ConnectorBlocked", "Http", None)]),
        (&[], &[]),
    ];
    for (names, expected) in cases {
        let uses: Vec<Use> = names.iter().map(|name| plain(name)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(kind, name, what)| (*kind, (*name).to_owned(), what.map(str::to_owned)))
            .collect();
        assert_eq!(told(&[&policy], &uses), expected, "{names:?}");
    }
    let closed = PolicyRules::new("closed", Group::Blocked, &rules);
    assert_eq!(told(&[&closed], &[plain("shared_sql")]), []);
    assert_eq!(told(&[&closed], &[plain("shared_rss")]).len(), 1);
}

#[test]
fn operations_are_blocked_one_by_one() {
    let mut rule = connector("shared_sql", Group::Business);
    rule.blocked_operations = vec!["DeleteItem_V2".to_owned()];
    let policy = PolicyRules::new("p", Group::Business, &[rule]);
    let at = |id| told(&[&policy], &[used("shared_sql", Some(id), Endpoint::Later)]);
    assert_eq!(at("GetItem_V2"), []);
    let expected =
        [("OperationBlocked", "shared_sql".to_owned(), Some("deleteitem_v2".to_owned()))];
    assert_eq!(at("deleteitem_v2"), expected);
}

fn rules(rules: &[(&str, Access)]) -> PolicyRules {
    let mut http = connector("Http", Group::Business);
    let rule = |(pattern, access): &(&str, Access)| EndpointRule {
        pattern: (*pattern).to_owned(),
        access: *access,
    };
    http.endpoints = rules.iter().map(rule).collect();
    PolicyRules::new("p", Group::Business, &[http])
}

#[test]
fn endpoints_are_like_patterns() {
    let cases: [(&str, &str, bool); 26] = [
        ("contoso.com", "https://contoso.com/a?b=c", true),
        ("contoso.com", "http://CONTOSO.com:8443", true),
        ("contoso.com", "https://contoso.com./", true),
        ("contoso.com", "https://contoso.com@evil.example/", false),
        ("contoso.com", "https://evil.example/contoso.com", false),
        ("*.contoso.com", "https://a.b.contoso.com/", true),
        ("*.contoso.com", "https://contoso.com/", false),
        ("*.contoso.com", "https://evil.example/x.contoso.com", false),
        ("*contoso.com*", "https://evil.example/x.contoso.com", false),
        ("https://contoso.com", "http://contoso.com/", false),
        ("https://contoso.com/*", "https://contoso.com/a/b", true),
        ("https://contoso.com/a/*", "https://contoso.com/a/../b", false),
        ("https://contoso.com/a/*", "https://contoso.com/a/%2e%2e/b", false),
        ("https://contoso.com/a/*", "https://contoso.com/%61/b", false),
        ("https://contoso.com/a", "https://contoso.com/a?x=1#y", true),
        ("https://contoso.com/a", "https://contoso.com/a/b", false),
        ("contoso.com:443", "https://contoso.com/", true),
        ("contoso.com:443", "http://contoso.com/", false),
        ("contoso.com:8443", "https://contoso.com/", false),
        ("*", "anything at all", true),
        ("db.example", "tcp:db.example,1433", true),
        ("db.example", "DB.example", true),
        ("db.example", "other.example", false),
        ("https://db.example", "db.example", false),
        ("[::1]:80", "http://[::1]/", true),
        ("[::1]", "http://[::1]:8080/", true),
    ];
    for (pattern, endpoint, fits) in cases {
        let policy = rules(&[(pattern, Access::Allow)]);
        let call = used("Http", None, Endpoint::At(endpoint.to_owned()));
        assert_eq!(told(&[&policy], &[call]).is_empty(), fits, "{pattern} {endpoint}");
    }
}

#[test]
fn the_first_rule_that_fits_counts() {
    let policy = rules(&[
        ("secret.contoso.com", Access::Deny),
        ("contoso.com/admin*", Access::Deny),
        ("*.contoso.com", Access::Allow),
        ("contoso.com", Access::Allow),
        ("*", Access::Deny),
    ]);
    let is_open = |endpoint| told(&[&policy], &[used("Http", None, endpoint)]).is_empty();
    let at = |text: &str| Endpoint::At(text.to_owned());
    assert!(is_open(at("https://a.contoso.com/")));
    assert!(is_open(at("https://contoso.com/a")));
    assert!(!is_open(at("https://secret.contoso.com/")));
    assert!(!is_open(at("https://contoso.com/%61dmin/x")), "a service reads 'admin'");
    assert!(!is_open(at("https://example.org/")));
    assert!(is_open(Endpoint::Later), "it is asked again when the call is made");
    assert!(!is_open(Endpoint::Unknown));
    let open = rules(&[("secret.contoso.com", Access::Deny), ("*", Access::Allow)]);
    assert_eq!(told(&[&open], &[used("Http", None, Endpoint::Unknown)]), []);
}

/// Numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("a number") % end
    }

    fn group(&mut self) -> Group {
        [Group::Business, Group::NonBusiness, Group::Blocked][self.below(3)]
    }

    fn policy(&mut self, number: usize) -> PolicyRules {
        let names = ["Http", "a", "b", "c"];
        let mut all = Vec::new();
        for name in names {
            if self.below(2) == 0 {
                continue;
            }
            let mut rule = connector(name, self.group());
            if self.below(3) == 0 {
                rule.blocked_operations.push("X".to_owned());
            }
            if self.below(3) == 0 {
                let access = [Access::Allow, Access::Deny][self.below(2)];
                rule.endpoints.push(EndpointRule { pattern: "one.example".to_owned(), access });
                let access = [Access::Allow, Access::Deny][self.below(2)];
                rule.endpoints.push(EndpointRule { pattern: "*".to_owned(), access });
            }
            all.push(rule);
        }
        PolicyRules::new(&format!("p{number}"), self.group(), &all)
    }

    fn uses(&mut self) -> Vec<Use> {
        let count = self.below(5);
        let one = |numbers: &mut Numbers| {
            let name = ["Http", "a", "b", "c", "d"][numbers.below(5)];
            let operation = [None, Some("X"), Some("Y")][numbers.below(3)];
            let endpoint = match numbers.below(4) {
                0 => Endpoint::Later,
                1 => Endpoint::Unknown,
                2 => Endpoint::At("https://one.example/".to_owned()),
                _ => Endpoint::At("https://two.example/".to_owned()),
            };
            used(name, operation, endpoint)
        };
        (0..count).map(|_| one(self)).collect()
    }
}

#[test]
fn order_is_nothing_and_every_policy_counts() {
    let mut numbers = Numbers(7);
    let mut broken = 0;
    for round in 0..5_000 {
        let policies: Vec<PolicyRules> =
            (0..numbers.below(4)).map(|number| numbers.policy(number)).collect();
        let mut uses = numbers.uses();
        let mut all: Vec<&PolicyRules> = policies.iter().collect();
        let found = violations(&all, &uses);
        broken += usize::from(!found.is_empty());
        all.reverse();
        uses.reverse();
        assert_eq!(violations(&all, &uses), found, "round {round}");
        // what all break together is what each breaks alone
        let mut alone: Vec<Violation> =
            policies.iter().flat_map(|policy| violations(&[policy], &uses)).collect();
        alone.sort();
        assert_eq!(alone, found, "round {round}");
        if let Some((_, fewer)) = uses.split_first() {
            assert!(violations(&all, fewer).len() <= found.len(), "round {round}");
        }
    }
    assert!(broken > 1_000, "only {broken} rounds broke anything");
}
