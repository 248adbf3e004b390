//! Which files the rules look at.

use super::source::Source;
use crate::command;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::Path;

/// Directories whose Rust files are ours.
const PLACES: [&str; 5] = ["crates/", "xtask/", "bench/", "faultfs/", "fuzz/"];

/// Directories that hold nothing of ours when git cannot be asked.
const FOREIGN: [&str; 3] = ["target", "node_modules", "sluicegate-data"];

/// Every Rust file that git knows or would add.
pub fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths(root)? {
        let ours = PLACES.iter().any(|place| path.starts_with(place));
        let full = root.join(&path);
        if ours && path.ends_with(".rs") && full.is_file() {
            let text = std::fs::read_to_string(&full)
                .with_context(|| format!("{path} cannot be read as text"))?;
            sources.push(Source::new(&path, text));
        }
    }
    mark_test_modules(&mut sources);
    Ok(sources)
}

fn paths(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    if let Ok(list) = command::output(root, &words) {
        return Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect());
    }
    let mut found = BTreeSet::new();
    walk(root, "", &mut found)?;
    Ok(found)
}

/// All files below a directory, for a tree that is not a git checkout.
fn walk(root: &Path, below: &str, found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    let directory = root.join(below);
    let entries = std::fs::read_dir(&directory)
        .with_context(|| format!("{} cannot be listed", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.insert(path);
        }
    }
    Ok(())
}

/// Marks files whose module is declared under `#[cfg(test)]`, and the files below them.
fn mark_test_modules(sources: &mut [Source]) {
    let mut modules = BTreeSet::new();
    for source in sources.iter() {
        let directory = module_directory(&source.path);
        let declared = source.declared_modules().into_iter().filter(|(_, test)| *test);
        modules.extend(declared.map(|(name, _)| format!("{directory}/{name}")));
    }
    for source in sources {
        let in_module = |module: &String| {
            let rest = source.path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        source.test |= modules.iter().any(in_module);
    }
}

/// The directory in which the modules that a file declares are found.
fn module_directory(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    match stem.rsplit_once('/') {
        Some((directory, "lib" | "main" | "mod")) => directory,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(files: &[(&str, &str)]) -> Vec<bool> {
        let mut sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, (*text).to_owned())).collect();
        mark_test_modules(&mut sources);
        sources.iter().map(|source| source.test).collect()
    }

    #[test]
    fn files_of_test_modules_are_test_code() {
        let files = [
            ("crates/a/src/lib.rs", "mod run; #[cfg(test)] mod world;"),
            ("crates/a/src/run.rs", "#[cfg(test)] mod check;"),
            ("crates/a/src/run/check.rs", ""),
            ("crates/a/src/world/mod.rs", ""),
            ("crates/a/src/worldly.rs", ""),
        ];
        assert_eq!(marked(&files), [false, false, true, true, false]);
    }

    #[test]
    fn a_tree_without_git_is_walked() {
        let root = command::root().expect("the test runs inside the workspace");
        let mut found = BTreeSet::new();
        walk(&root, "xtask", &mut found).expect("xtask can be listed");
        assert!(found.contains("xtask/src/tidy/file.rs"));
    }
}
