//! Rule `arrow`: which of our crates may use which, and what the pure ones may not use at all.

use super::Finding;
use super::graph::{Graph, Package};
use super::purity;

/// Each crate of ours with those it may use. `server` is used only by crates for
/// development, which nothing uses.
const ARROWS: [(&str, &[&str]); 14] = [
    ("expr", &[]),
    ("durable", &[]),
    ("flow", &["expr", "durable"]),
    ("governance", &["expr", "durable"]),
    ("connector", &["expr"]),
    ("store", &["durable"]),
    ("console", &[]),
    ("server", &["expr", "durable", "flow", "governance", "connector", "store", "console"]),
    ("sim", &["expr", "durable", "flow", "governance", "connector", "store", "server"]),
    ("fuzz", &["expr", "durable", "flow", "connector", "store", "server"]),
    ("bench", &["expr", "durable", "flow", "governance", "connector", "store", "server", "rig"]),
    ("faultfs", &["store", "server"]),
    ("rig", &[]),
    ("xtask", &[]),
];

/// Crates that any crate may use in its tests, and only there.
const FOR_TESTS: [&str; 1] = ["rig"];

pub fn check(graph: &Graph) -> Vec<Finding> {
    let ours: Vec<&Package> = graph.packages.iter().filter(|package| package.ours).collect();
    let mut findings = Vec::new();
    for package in &ours {
        let mut add = |line, message| {
            findings.push(Finding::new(&package.manifest, line, "arrow", message));
        };
        let name = short(&package.name);
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            add(
                1,
                format!(
                    "the crate '{name}' is not in the table of arrows in xtask/src/tidy/arrow.rs"
                ),
            );
            continue;
        };
        for declared in &package.declared {
            let target = short(&declared.name);
            let is_ours = ours.iter().any(|other| other.name == declared.name);
            let for_tests = declared.dev && FOR_TESTS.contains(&target);
            if is_ours && !for_tests && !allowed.contains(&target) {
                let expected =
                    if allowed.is_empty() { "none of ours".to_owned() } else { allowed.join(", ") };
                let message = format!("'{name}' uses '{target}'; expected {expected}");
                add(package.line(&declared.key), message);
            }
            let foreign = purity::FOREIGN.contains(&declared.name.as_str());
            if purity::PURE.contains(&name) && foreign && !declared.dev {
                let message =
                    format!("the pure crate '{name}' uses '{target}'; expected inputs instead");
                add(package.line(&declared.key), message);
            }
        }
    }
    findings
}

/// The name that the design gives a package.
fn short(package: &str) -> &str {
    match package.strip_prefix("sluicegate") {
        Some("") => "server",
        Some(rest) => rest.strip_prefix('-').unwrap_or(package),
        None => package,
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Declared;
    use super::*;

    /// A workspace of these packages, with arrows `(from, to, for tests only)`.
    fn messages(packages: &[&str], arrows: &[(&str, &str, bool)]) -> Vec<String> {
        let package = |name: &&str| {
            let mine = arrows.iter().filter(|(from, _, _)| from == name);
            let declared = mine.map(|(_, to, dev)| Declared {
                name: (*to).to_owned(),
                key: (*to).to_owned(),
                dev: *dev,
            });
            Package {
                name: (*name).to_owned(),
                ours: true,
                declared: declared.collect(),
                ..Package::default()
            }
        };
        let graph = Graph { packages: packages.iter().map(package).collect() };
        check(&graph).into_iter().map(|finding| finding.message).collect()
    }

    const ALL: [&str; 14] = [
        "sluicegate-expr",
        "sluicegate-durable",
        "sluicegate-flow",
        "sluicegate-governance",
        "sluicegate-connector",
        "sluicegate-store",
        "sluicegate-console",
        "sluicegate",
        "sluicegate-sim",
        "sluicegate-bench",
        "sluicegate-rig",
        "sluicegate-faultfs",
        "sluicegate-fuzz",
        "xtask",
    ];

    #[test]
    fn arrows_of_the_design_are_fine() {
        let arrows = [
            ("sluicegate-flow", "sluicegate-expr", false),
            ("sluicegate-store", "sluicegate-durable", false),
            ("sluicegate", "sluicegate-store", false),
            ("sluicegate", "sluicegate-console", false),
            ("sluicegate", "sluicegate-rig", true),
            ("sluicegate-bench", "sluicegate", false),
            ("sluicegate-bench", "sluicegate-rig", false),
            ("sluicegate-store", "sluicegate-rig", true),
            ("sluicegate-faultfs", "sluicegate", false),
            ("sluicegate-fuzz", "sluicegate", false),
            ("sluicegate-expr", "serde", false),
        ];
        assert_eq!(messages(&ALL, &arrows), [""; 0]);
    }

    #[test]
    fn other_arrows_are_found() {
        for (from, to, dev) in [
            ("sluicegate-expr", "sluicegate-durable", false),
            ("sluicegate-flow", "sluicegate-governance", false),
            ("sluicegate-store", "sluicegate-flow", true),
            ("sluicegate-connector", "sluicegate", false),
            ("sluicegate", "sluicegate-sim", false),
            ("sluicegate-store", "sluicegate-rig", false),
            ("sluicegate-console", "sluicegate-store", false),
            ("sluicegate-rig", "sluicegate-store", false),
            ("sluicegate", "sluicegate-bench", true),
            ("sluicegate-store", "sluicegate-faultfs", true),
            ("sluicegate", "sluicegate-fuzz", true),
            ("sluicegate", "xtask", false),
            ("xtask", "sluicegate-expr", false),
        ] {
            assert_eq!(messages(&ALL, &[(from, to, dev)]).len(), 1, "{from} -> {to}");
        }
    }

    #[test]
    fn pure_crates_use_nothing_impure() {
        assert_eq!(messages(&ALL, &[("sluicegate-flow", "tokio", false)]).len(), 1);
        assert_eq!(messages(&ALL, &[("sluicegate-flow", "tokio", true)]).len(), 0);
        assert_eq!(messages(&ALL, &[("sluicegate", "tokio", false)]).len(), 0);
    }

    #[test]
    fn an_unknown_crate_is_found() {
        assert_eq!(messages(&["sluicegate-extra"], &[]).len(), 1);
    }
}
