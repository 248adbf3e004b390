//! The packages of the workspace and all they are built from, as `cargo metadata` tells.

use crate::command;
use anyhow::Context;
use serde_json::Value;
use std::path::Path;

#[derive(Debug, Default)]
pub struct Graph {
    pub packages: Vec<Package>,
}

#[derive(Debug, Default, Clone)]
pub struct Package {
    /// What cargo calls it; unique.
    pub id: String,
    pub name: String,
    pub version: String,
    pub licence: Option<String>,
    /// Where it comes from; `None` for a directory on this machine.
    pub source: Option<String>,
    /// Whether it is a member of the workspace.
    pub ours: bool,
    /// Path of its manifest from the root, and the text of it; for our own only.
    pub manifest: String,
    pub manifest_text: String,
    /// What its manifest asks for.
    pub declared: Vec<Declared>,
    /// Ids of the packages it is built from here.
    pub uses: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Declared {
    pub name: String,
    /// The name the manifest gives it, if another.
    pub key: String,
    /// Whether for tests only.
    pub dev: bool,
}

impl Package {
    /// The line of the manifest that declares a dependency, or the first.
    pub fn line(&self, key: &str) -> usize {
        let declares = |line: &str| {
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['.', '=']))
        };
        self.manifest_text.lines().position(declares).map_or(1, |index| index + 1)
    }
}

/// Asks cargo, for the machine at hand.
pub fn load(root: &Path) -> anyhow::Result<Graph> {
    let host = command::host(root)?;
    let words = ["cargo", "metadata", "--format-version", "1", "--filter-platform", &host];
    let text = command::output(root, &words)?;
    let metadata: Value =
        serde_json::from_str(&text).context("`cargo metadata` printed text that is not JSON")?;
    let mut graph = parse(&metadata).context("`cargo metadata` has another form than expected")?;
    for package in graph.packages.iter_mut().filter(|package| package.ours) {
        let path = Path::new(&package.manifest);
        package.manifest_text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let relative = path.strip_prefix(root).unwrap_or(path);
        package.manifest = relative.to_string_lossy().into_owned();
    }
    Ok(graph)
}

fn parse(metadata: &Value) -> Option<Graph> {
    let members = metadata["workspace_members"].as_array()?;
    let nodes = metadata["resolve"]["nodes"].as_array()?;
    let mut packages = Vec::new();
    for found in metadata["packages"].as_array()? {
        let text = |key: &str| found[key].as_str().map(str::to_owned);
        let uses =
            nodes.iter().find(|node| node["id"] == found["id"])?["dependencies"].as_array()?;
        packages.push(Package {
            id: text("id")?,
            name: text("name")?,
            version: text("version")?,
            licence: text("license"),
            source: text("source"),
            ours: members.contains(&found["id"]),
            manifest: text("manifest_path")?,
            manifest_text: String::new(),
            declared: found["dependencies"].as_array()?.iter().filter_map(declared).collect(),
            uses: uses.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        });
    }
    Some(Graph { packages })
}

fn declared(found: &Value) -> Option<Declared> {
    let name = found["name"].as_str()?.to_owned();
    let key = found["rename"].as_str().unwrap_or(&name).to_owned();
    Some(Declared { name, key, dev: found["kind"] == "dev" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read() {
        let text = r#"{"workspace_members": ["b"], "resolve": {"nodes": [
            {"id": "a", "dependencies": []}, {"id": "b", "dependencies": ["a"]}]}, "packages": [
            {"id": "a", "name": "x", "version": "1", "license": "MIT", "source": "registry+r",
             "manifest_path": "/x/Cargo.toml", "dependencies": []},
            {"id": "b", "name": "y", "version": "2", "license": null, "source": null,
             "manifest_path": "/y/Cargo.toml",
             "dependencies": [{"name": "x", "rename": "z", "kind": "dev"}]}]}"#;
        let graph = parse(&serde_json::from_str(text).expect("JSON")).expect("metadata");
        let [x, y] = graph.packages.as_slice() else { panic!("two packages") };
        assert_eq!(
            (x.licence.as_deref(), x.source.as_deref(), x.ours),
            (Some("MIT"), Some("registry+r"), false)
        );
        assert_eq!((y.licence.as_deref(), y.source.as_deref(), y.ours), (None, None, true));
        assert_eq!(y.uses, ["a"]);
        assert_eq!(
            (y.declared[0].name.as_str(), y.declared[0].key.as_str(), y.declared[0].dev),
            ("x", "z", true)
        );
    }

    #[test]
    fn a_dependency_is_found_in_the_manifest() {
        let manifest_text =
            "[dependencies]\nexpression = \"1\"\nexpr.workspace = true\n".to_owned();
        let package = Package { manifest_text, ..Package::default() };
        assert_eq!(
            [package.line("expr"), package.line("expression"), package.line("z")],
            [3, 2, 1]
        );
    }
}
