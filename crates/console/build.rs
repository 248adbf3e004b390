//! Builds `web/` and writes down what came out, as a table of files in the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// What the build reads below `web/`.
const SOURCES: [&str; 5] =
    ["src", "index.html", "vite.config.ts", "package.json", "package-lock.json"];

/// Beside what npm installed: the lock file that it was installed from.
const INSTALLED: &str = "node_modules/installed-lock.json";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nThe console could not be built: {message}\n");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let web = variable("CARGO_MANIFEST_DIR")?.join("../../web");
    let web = web.canonicalize().map_err(|error| format!("{}: {error}", web.display()))?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    install(&web)?;
    let out = variable("OUT_DIR")?;
    let files = out.join("files");
    let mut vite = Command::new("node");
    vite.arg("node_modules/vite/bin/vite.js").args([
        "build",
        "--logLevel",
        "warn",
        "--emptyOutDir",
    ]);
    run(vite.arg("--outDir").arg(&files).current_dir(&web))?;
    let table = table(&files)?;
    fs::write(out.join("table.rs"), table).map_err(|error| format!("the table: {error}"))
}

fn variable(name: &str) -> Result<PathBuf, String> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("there is no {name}"))
}

/// Installs what the lock file names, unless that is there.
fn install(web: &Path) -> Result<(), String> {
    let lock = fs::read(web.join("package-lock.json")).map_err(|error| error.to_string())?;
    if fs::read(web.join(INSTALLED)).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(words).current_dir(web))?;
    fs::write(web.join(INSTALLED), lock).map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        format!(
            "{program}: {error}; expected Node.js 20.19 or newer with npm (see https://nodejs.org)"
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said)))
}

/// The source of the table: files by their paths, each with its compressed forms.
fn table(files: &Path) -> Result<String, String> {
    let mut found = Vec::new();
    collect(files, files, &mut found).map_err(|error| format!("what was built: {error}"))?;
    found.sort();
    let mut text = String::from("pub static FILES: &[File] = &[\n");
    for path in &found {
        let file = files.join(path);
        let form = |ending: &str| {
            let compressed = files.join(format!("{path}{ending}"));
            match compressed.is_file() {
                true => format!("Some(include_bytes!({:?}))", compressed.display().to_string()),
                false => "None".to_owned(),
            }
        };
        let _ = writeln!(
            text,
            "    File {{ path: {path:?}, content_type: {:?}, bytes: include_bytes!({:?}), gzip: {}, brotli: {} }},",
            content_type(path)?,
            file.display().to_string(),
            form(".gz"),
            form(".br"),
        );
    }
    text.push_str("];\n");
    Ok(text)
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            && !name.ends_with(".gz")
            && !name.ends_with(".br")
        {
            found.push(name.replace('\\', "/"));
        }
    }
    Ok(())
}

fn content_type(path: &str) -> Result<&'static str, String> {
    let ending = path.rsplit('.').next().unwrap_or_default();
    Ok(match ending {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return Err(format!("'{path}' is of a kind that build.rs does not know")),
    })
}
