//! `sluicegate validate`: every fault of definitions, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flow::definition::code::NOT_A_DEFINITION;
use flow::definition::{LoadOptions, Problem, Severity};
use serde::Serialize;

use super::failure::{Detail, Failure};
use super::output::{Output, visible};
use super::{Dialect, input};

pub const EXAMPLES: &str = "\
Folders are searched for .json files. The exit code is 1 when there is an error;
warnings, such as unknown functions, leave it 0.

Examples:
  sluicegate validate order.json
  sluicegate validate flows/ --dialect logic-apps
  sluicegate validate flows/ --json";

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Definitions, plain or wrapped, or folders of them; '-' reads standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Whose rules to check by, where a document does not show it [default: logic-apps]
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<Dialect>,
    /// Values of the definitions' parameters: a JSON object
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
}

/// What was found in one file.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    valid: bool,
    problems: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Summary {
    valid: bool,
    files: Vec<Checked>,
}

pub fn execute(args: &ValidateArgs, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let options = LoadOptions {
        dialect: args.dialect.map(|dialect| match dialect {
            Dialect::PowerAutomate => flow::Dialect::PowerAutomate,
            Dialect::LogicApps => flow::Dialect::LogicApps,
        }),
        parameters: args.parameters.as_deref().map(input::read_value).transpose()?,
    };
    let mut files = Vec::new();
    for path in &args.paths {
        let found = files_of(path, &["json"])?;
        for file in found {
            let checked = check_file(&file, &options, path.is_dir());
            if !out.is_json() {
                for problem in &checked.problems {
                    out.line(problem_line(&checked.file, problem))?;
                }
            }
            files.push(checked);
        }
    }
    let summary = Summary { valid: files.iter().all(|file| file.valid), files };
    if out.is_json() {
        out.line(serde_json::json!(summary))?;
    } else {
        out.line(summary.text())?;
    }
    Ok(if summary.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every fault of a document, errors first.
fn check(bytes: &[u8], options: &LoadOptions) -> Vec<Detail> {
    flow::definition::load(bytes, options).problems.into_iter().map(detail).collect()
}

fn detail(problem: Problem) -> Detail {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    Detail {
        severity: Some(severity.to_owned()),
        code: Some(problem.code.to_owned()),
        path: Some(problem.path),
        offset: problem.offset.and_then(|offset| u64::try_from(offset).ok()),
        expected: problem.expected,
        message: problem.message,
    }
}

/// A file that was met in a folder may be something else beside definitions.
fn check_file(path: &Path, options: &LoadOptions, is_in_folder: bool) -> Checked {
    let mut problems = match input::read(path) {
        Ok(bytes) => check(&bytes, options),
        Err(failure) => vec![Detail {
            severity: Some("error".to_owned()),
            code: Some("FileUnreadable".to_owned()),
            message: failure.message().to_owned(),
            ..Detail::default()
        }],
    };
    if is_in_folder {
        let others = problems.iter_mut().filter(|it| it.code.as_deref() == Some(NOT_A_DEFINITION));
        for problem in others {
            problem.severity = Some("warning".to_owned());
        }
    }
    Checked { file: path.display().to_string(), valid: !problems.iter().any(is_error), problems }
}

fn is_error(problem: &Detail) -> bool {
    problem.severity.as_deref() == Some("error")
}

fn problem_line(file: &str, problem: &Detail) -> String {
    let severity = problem.severity.as_deref().unwrap_or("error");
    format!("{}: {severity}: {}", visible(file), problem.line())
}

impl Summary {
    fn text(&self) -> String {
        let problems = || self.files.iter().flat_map(|file| &file.problems);
        let errors = problems().filter(|problem| is_error(problem)).count();
        let warnings = problems().count() - errors;
        let number = |count: usize, noun: &str| match count {
            0 => format!("no {noun}s"),
            1 => format!("1 {noun}"),
            count => format!("{count} {noun}s"),
        };
        let files = number(self.files.len(), "file");
        format!("{files}: {}, {}.", number(errors, "error"), number(warnings, "warning"))
    }
}

/// The file itself, or the files with one of some extensions in a folder and the folders below it, in
/// order. Hidden folders and links to folders are left alone.
pub(super) fn files_of(path: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(|error| input::unreadable(&folder, &error))?;
        for entry in entries {
            let path = entry.path();
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.extend((!hidden).then_some(path));
            } else if has_extension(&path, extensions) && !path.is_dir() {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        return Err(Failure::new(format!("There is no .json file in {}.", input::name(path))));
    }
    files.sort();
    Ok(files)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions.iter().any(|it| extension.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: &str) -> Detail {
        Detail {
            severity: Some(severity.into()),
            code: Some("InvalidExpression".into()),
            path: Some("$.actions.A.inputs".into()),
            offset: Some(12),
            expected: Some("')'".into()),
            message: "The call is not closed.".into(),
        }
    }

    #[test]
    fn folders_are_walked_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", "a/z.JSON", "a/note.txt", ".git/x.json", "c/d/e.json"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        let names: Vec<String> = files_of(folder.path(), &["json"])
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a/z.JSON", "b.json", "c/d/e.json"]);
        let file = folder.path().join("a/note.txt");
        assert_eq!(files_of(&file, &["json"]).unwrap(), [file]);
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(files_of(&folder.path().join("empty"), &["json"]).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem_of_that_file() {
        let checked = check_file(Path::new("/no/such/file.json"), &LoadOptions::default(), false);
        assert!(!checked.valid);
        assert_eq!(checked.problems[0].code.as_deref(), Some("FileUnreadable"));
    }

    #[test]
    fn problems_are_told_with_file_place_and_number() {
        assert_eq!(
            problem_line("order.json", &problem("warning")),
            "order.json: warning: $.actions.A.inputs, offset 12: The call is not closed. \
             (expected ')') [InvalidExpression]"
        );
        let checked = |problems: Vec<Detail>| Checked { file: "f".into(), valid: false, problems };
        let files = vec![checked(vec![problem("error"), problem("error"), problem("warning")])];
        assert_eq!(Summary { valid: false, files }.text(), "1 file: 2 errors, 1 warning.");
        let files = vec![checked(vec![]), checked(vec![])];
        assert_eq!(Summary { valid: true, files }.text(), "2 files: no errors, no warnings.");
    }
}
