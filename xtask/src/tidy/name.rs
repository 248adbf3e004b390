//! Rule `module-name`: a module is named for what it holds. Names that could hold anything
//! end up holding everything.

use super::Finding;
use super::source::Source;

const BANNED: [&str; 11] = [
    "util", "utils", "common", "helper", "helpers", "manager", "misc", "types", "impl", "core",
    "v2",
];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |line, name: &str| {
        let message = format!("'{name}' says nothing; expected the noun that the module is about");
        findings.push(Finding::new(&source.path, line, "module-name", message));
    };
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    for part in stem.split('/').filter(|part| BANNED.contains(part)) {
        add(1, part);
    }
    for pair in source.words().windows(2) {
        if pair[0].1 == "mod" && BANNED.contains(&pair[1].1) {
            add(source.line(pair[0].0), pair[1].1);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text.to_owned())).len()
    }

    #[test]
    fn banned_names_are_found_in_paths_and_declarations() {
        assert_eq!(count("crates/flow/src/utils.rs", ""), 1);
        assert_eq!(count("crates/flow/src/common/run.rs", ""), 1);
        assert_eq!(count("crates/core/src/lib.rs", ""), 1);
        assert_eq!(count("crates/flow/src/lib.rs", "pub mod helpers { }"), 1);
    }

    #[test]
    fn other_names_are_fine() {
        let text = "mod run; use std::core; fn util() {} impl A {} // mod util";
        assert_eq!(count("crates/flow/src/lib.rs", text), 0);
    }
}
