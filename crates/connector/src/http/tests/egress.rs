//! What the guard allows and denies, address by address and trick by trick.

use url::Url;

use crate::http::{Denied, EgressPolicy};

fn check(policy: &EgressPolicy, url: &str) -> Result<(), Denied> {
    policy.check_url(&Url::parse(url).unwrap())
}

fn assert_table(policy: &str, allowed: &[&str], denied: &[&str]) {
    let policy = EgressPolicy::from_toml(policy).unwrap();
    for url in allowed {
        assert_eq!(check(&policy, url), Ok(()), "{url}");
    }
    for url in denied {
        assert!(check(&policy, url).is_err(), "{url} is allowed");
    }
}

#[test]
fn default_allows_public_addresses_and_names_only() {
    assert_table(
        "",
        &[
            "http://example.org/",
            "https://example.org:8443/x?y#z",
            "http://8.8.8.8/",
            "http://100.63.255.255/",
            "http://172.15.0.1/",
            "http://172.32.0.1/",
            "http://192.0.1.1/",
            "http://198.17.255.255/",
            "http://[2606:4700:4700::1111]/",
            "http://[64:ff9b::808:808]/",
            "http://[2002:808:808::1]/",
        ],
        &[
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "ws://example.org/",
            "unix:/run/docker.sock",
            "data:text/plain,x",
        ],
    );
}

#[test]
fn default_denies_every_special_address() {
    assert_table(
        "",
        &[],
        &[
            "http://0.0.0.0/",
            "http://0.1.2.3/",
            "http://10.0.0.1/",
            "http://100.64.0.1/",
            "http://100.100.100.200/",
            "http://127.0.0.1/",
            "http://127.255.255.254/",
            "http://168.63.129.16/",
            "http://169.254.169.254/latest/meta-data/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.0.0.192/",
            "http://192.0.2.1/",
            "http://192.88.99.1/",
            "http://192.168.1.1/",
            "http://198.18.0.1/",
            "http://198.51.100.1/",
            "http://203.0.113.1/",
            "http://224.0.0.1/",
            "http://239.255.255.250/",
            "http://240.0.0.1/",
            "http://255.255.255.255/",
            "http://[::]/",
            "http://[::1]/",
            "http://[fc00::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://[3fff::1]/",
            "http://[4000::1]/",
        ],
    );
}

#[test]
fn default_denies_hidden_spellings_of_special_addresses() {
    assert_table(
        "",
        &[
            // The name before the at sign is a user, not a host.
            "http://127.0.0.1@example.org/",
            "http://localhost:80@8.8.8.8/",
        ],
        &[
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://0/",
            "HTTP://127.0.0.1/",
            "http://127%2e0%2e0%2e1/",
            "http://１２７.０.０.１/",
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http:\\\\127.0.0.1\\x",
            "http:127.0.0.1/",
            "http://example.org@127.0.0.1/",
            "http://example.org:80@127.0.0.1/",
            "http://\t127.0.0.1\n/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[64:ff9b:1::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[2001:0:7f00:1::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
        ],
    );
}

#[test]
fn names_are_judged_by_what_they_resolve_to() {
    let policy = EgressPolicy::default();
    assert_eq!(check(&policy, "http://localhost/"), Ok(()));
    for name in ["localhost", "LOCALHOST.", "127.0.0.1.nip.io", "example.org"] {
        assert!(policy.check_address(name, "127.0.0.1".parse().unwrap()).is_err(), "{name}");
        assert!(policy.check_address(name, "::ffff:10.0.0.1".parse().unwrap()).is_err(), "{name}");
        assert_eq!(policy.check_address(name, "8.8.8.8".parse().unwrap()), Ok(()), "{name}");
    }
}

#[test]
fn allowed_networks_open_what_the_default_closes() {
    assert_table(
        "allow = ['127.0.0.1/32', '10.0.0.0/8', 'fd12::/16', '169.254.169.254']",
        &[
            "http://127.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://10.255.0.1/",
            "http://[fd12::1]/",
            "http://169.254.169.254/",
            "http://8.8.8.8/",
        ],
        &[
            "http://127.0.0.2/",
            "http://11.0.0.0.example@192.168.0.1/",
            "http://[fd13::1]/",
            "http://169.254.169.253/",
        ],
    );
}

#[test]
fn allowed_names_open_their_private_addresses() {
    let policy = EgressPolicy::from_toml(
        "allow = ['Intranet.Example.org.', '*.corp.example', 'bücher.test']",
    )
    .unwrap();
    let private = "10.1.2.3".parse().unwrap();
    for name in [
        "intranet.example.org",
        "INTRANET.example.org.",
        "a.corp.example",
        "a.b.corp.example",
        "xn--bcher-kva.test",
    ] {
        assert_eq!(policy.check_address(name, private), Ok(()), "{name}");
        assert_eq!(policy.check_address(name, "::1".parse().unwrap()), Ok(()), "{name}");
    }
    for name in [
        "corp.example",
        "evilcorp.example",
        ".corp.example",
        "a.corp.example.evil.test",
        "intranet.example.org.evil.test",
        "x.intranet.example.org",
        "bucher.test",
    ] {
        assert!(policy.check_address(name, private).is_err(), "{name}");
    }
}

#[test]
fn allowed_names_do_not_open_metadata_and_multicast() {
    let policy = EgressPolicy::from_toml("allow = ['*.corp.example']").unwrap();
    for address in ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "0.0.0.0", "224.0.0.1"] {
        let address = address.parse().unwrap();
        assert!(policy.check_address("a.corp.example", address).is_err(), "{address}");
    }
}

#[test]
fn deny_wins_over_allow() {
    assert_table(
        "allow = ['10.0.0.0/8', '*.corp.example', 'bad.example']\n\
         deny = ['10.9.0.0/16', '8.8.0.0/16', 'bad.example', '*.secret.corp.example', 'BÜCHER.test']",
        &["http://10.8.0.1/", "http://a.corp.example/", "http://secret.corp.example/"],
        &[
            "http://10.9.0.1/",
            "http://[::ffff:10.9.0.1]/",
            "http://8.8.8.8/",
            "http://[64:ff9b::8.8.8.8]/",
            "http://[2002:808:808::1]/",
            "http://bad.example/",
            "http://BAD.example./",
            "http://a.secret.corp.example/",
            "http://bücher.TEST/",
            "http://b%C3%BCcher.test/",
        ],
    );
    let policy =
        EgressPolicy::from_toml("allow = ['*.corp.example']\ndeny = ['10.9.0.0/16', '8.8.8.8']")
            .unwrap();
    for address in ["10.9.0.1", "8.8.8.8"] {
        let denied = policy.check_address("a.corp.example", address.parse().unwrap());
        assert!(matches!(denied, Err(Denied::Address { .. })), "{address}");
    }
}

#[test]
fn ports_and_schemes_are_limited_when_the_policy_says_so() {
    assert_table(
        "ports = [443, 8080]",
        &["https://example.org/", "http://example.org:8080/", "https://example.org:443/"],
        &["http://example.org/", "https://example.org:8443/", "http://8.8.8.8:22/"],
    );
    assert_table("schemes = ['https']", &["https://example.org/"], &["http://example.org/"]);
}

#[test]
fn refusals_say_what_and_why_but_not_the_path() {
    let policy = EgressPolicy::from_toml("deny = ['bad.example']\nports = [80]").unwrap();
    let table = [
        (
            "http://169.254.169.254/x?sig=1",
            "The egress policy does not allow '169.254.169.254': \
             169.254.169.254 is a link-local or cloud metadata address.",
        ),
        ("http://bad.example/x?sig=1", "The egress policy denies the host 'bad.example'."),
        ("http://a.example:81/x?sig=1", "The egress policy does not allow port 81 of 'a.example'."),
        ("ftp://a.example/x?sig=1", "The egress policy does not allow the scheme 'ftp'."),
    ];
    for (url, text) in table {
        assert_eq!(check(&policy, url).unwrap_err().to_string(), text);
    }
}
