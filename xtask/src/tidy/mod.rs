//! The rules of the house, checked over every source file.
//!
//! Each rule is a module with a function from sources (or from what cargo knows) to
//! findings, and a test that shows it can fail. A finding is listed as
//! `path:line: rule: message`. Exceptions stand in `xtask/tidy-exceptions.txt`.

mod arrow;
mod attribute;
mod dependency;
mod exception;
mod file;
mod graph;
mod lexer;
mod licence;
mod name;
mod place;
mod purity;
mod size;
mod source;
mod usage;

use anyhow::{Context, bail};
use source::Source;
use std::fmt;
use std::path::Path;

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub message: String,
    /// What an exception names: the path, or `path::function`.
    pub subject: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, rule: &'static str, message: String) -> Self {
        Finding { path: path.to_owned(), line, rule, message, subject: path.to_owned() }
    }

    /// A finding at an offset of a source.
    pub fn at(source: &Source, offset: usize, rule: &'static str, message: String) -> Self {
        Finding::new(&source.path, source.line(offset), rule, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Checks everything, prints what it finds, and fails when there is anything.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let sources = file::sources(root)?;
    if sources.is_empty() {
        bail!("no Rust source was found below {}", root.display());
    }
    let mut findings: Vec<Finding> = sources.iter().flat_map(check).collect();

    let graph = graph::load(root)?;
    findings.extend(arrow::check(&graph));
    let deny = read(root, dependency::POLICY)?;
    findings.extend(dependency::check(&graph, &dependency::Policy::parse(&deny)?));

    let exceptions = exception::parse(&read(root, exception::LIST)?);
    let mut findings = exception::apply(findings, &exceptions);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing found", sources.len());
            Ok(())
        }
        1 => bail!("a rule of the house is broken in 1 place"),
        count => bail!("rules of the house are broken in {count} places"),
    }
}

/// The rules that look at one source file.
fn check(source: &Source) -> Vec<Finding> {
    let rules: [fn(&Source) -> Vec<Finding>; 5] =
        [size::check, purity::check, place::check, name::check, attribute::check];
    rules.iter().flat_map(|rule| rule(source)).collect()
}

fn read(root: &Path, path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root.join(path)).with_context(|| format!("{path} cannot be read"))
}
