//! Reading a policy file: what is accepted, and how clearly the rest is refused.

use crate::http::{EgressPolicy, PolicyError};

fn refusal(text: &str) -> String {
    EgressPolicy::from_toml(text).unwrap_err().to_string()
}

#[test]
fn an_empty_file_is_the_safe_default() {
    assert_eq!(EgressPolicy::from_toml("").unwrap(), EgressPolicy::default());
    assert_eq!(
        EgressPolicy::from_toml("# nothing\nallow = []\ndeny = []").unwrap(),
        EgressPolicy::default()
    );
}

#[test]
fn a_full_file_is_accepted() {
    let text = "allow = [\"127.0.0.1/32\", \"10.0.0.0/8\", \"::1\", \"fd00::/8\", \
                \"intranet.example.org\", \"*.corp.example\"]\n\
                deny = [\"10.1.0.0/16\", \"0.0.0.0/0\", \"::/0\"]\n\
                ports = [80, 443]\nschemes = [\"http\", \"https\"]\n";
    assert!(EgressPolicy::from_toml(text).is_ok());
}

#[test]
fn unknown_keys_are_named_with_the_known_ones() {
    let text = refusal("alow = ['10.0.0.0/8']");
    for part in ["alow", "allow", "deny", "ports", "schemes", "line 1"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn wrong_values_are_refused() {
    for text in [
        "allow = '10.0.0.0/8'",
        "allow = [10]",
        "ports = ['80']",
        "ports = [70000]",
        "ports = [-1]",
        "schemes = ['ftp']",
        "allow = [",
    ] {
        let refused = EgressPolicy::from_toml(text);
        assert!(matches!(refused, Err(PolicyError::Syntax(_))), "{text}: {refused:?}");
    }
}

#[test]
fn lists_that_would_deny_everything_are_refused() {
    assert_eq!(EgressPolicy::from_toml("ports = []"), Err(PolicyError::Empty("ports")));
    assert_eq!(EgressPolicy::from_toml("schemes = []"), Err(PolicyError::Empty("schemes")));
}

#[test]
fn entries_that_mean_nothing_say_what_to_write() {
    let table = [
        ("10.1.2.3/8", "write 10.0.0.0/8"),
        ("fd00::1/8", "write fd00::/8"),
        ("10.0.0.0/33", "between 0 and 32"),
        ("::/129", "between 0 and 128"),
        ("10.0.0.0/", "between 0 and 32"),
        ("::ffff:10.0.0.0/104", "write the IPv4 address"),
        ("::ffff:10.0.0.1", "write the IPv4 address"),
        ("corp.example/24", "not an IP address"),
        ("http://corp.example", "without scheme"),
        ("*", "beginning of a name"),
        ("", "beginning of a name"),
        ("*.", "beginning of a name"),
        ("a.*.example", "beginning of a name"),
        ("*corp.example", "beginning of a name"),
        ("*.*.example", "beginning of a name"),
        ("0x7f.1", "write the address as 127.0.0.1"),
        ("[::1]", "write the address as ::1"),
        ("corp.example:80", "neither a network nor a host name"),
        ("corp example", "neither a network nor a host name"),
    ];
    for (entry, part) in table {
        let text = refusal(&format!("deny = ['{entry}']"));
        assert!(text.contains(part) && text.contains("'deny'"), "{entry}: {text}");
    }
}
