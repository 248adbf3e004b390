//! W9: everything that is stored, out into a file and in again, on either store.

use super::{Database, Settings, Site};
use crate::report::Report;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The bars allow a second for so many.
const RUNS_PER_BAR: f64 = 20_000.0;

/// Takes the store that another workload leaves; it holds `runs` runs, and no server is on
/// it. How long the whole command takes counts, not only its work.
pub async fn measure(
    settings: &Settings,
    site: &Site,
    runs: u64,
    report: &mut Report,
) -> Result<()> {
    let file = site.place("all.slb");
    let command = |word: &str| {
        let mut command = Command::new(&settings.server);
        command.args(["--json", "db", word]).arg(&file).env_remove("SLUICEGATE_DATA");
        command.env_remove("SLUICEGATE_DATABASE_URL");
        command
    };
    let mut figures = Figures { runs, report };

    let mut export = command("export");
    export.arg("--data").arg(site.data());
    figures.take("export", "into a file", export)?;
    let bytes = std::fs::metadata(&file)?.len();
    figures.report.add("w9.file_bytes", bytes as f64, "B", "W9: the file");

    let mut import = command("import");
    import.arg("--data").arg(site.place("imported"));
    figures.take("import", "from a file", import)?;

    let database = Database::start(settings).await?;
    let mut import = command("import");
    import.arg("--data").arg(site.place("beside-database")).args(["--database-url", &database.url]);
    figures.take("import_postgres", "from a file into PostgreSQL", import)
}

struct Figures<'a> {
    runs: u64,
    report: &'a mut Report,
}

impl Figures<'_> {
    fn take(&mut self, name: &str, what: &str, command: Command) -> Result<()> {
        let (took, summary) = timed(command).with_context(|| format!("W9, {name}"))?;
        if summary["runs"] != self.runs {
            self.report.fault(format!("W9, {name}: {} runs of {}", summary["runs"], self.runs));
        }
        let runs = self.runs;
        let about = |unit: &str| format!("W9, {runs} runs {what}: {unit}");
        let rate = runs as f64 / took.as_secs_f64();
        self.report.add(format!("w9.{name}_runs_per_s"), rate, "/s", about("runs"));
        let seconds = RUNS_PER_BAR / rate;
        self.report.add(format!("w9.{name}_s"), seconds, "s", about("20,000 of them"));
        Ok(())
    }
}

/// How long a command takes, and the document that it prints. It is waited for in this
/// thread: nothing else is under way.
fn timed(mut command: Command) -> Result<(Duration, Value)> {
    command.stdin(Stdio::null());
    let since = Instant::now();
    let output = command.output()?;
    let took = since.elapsed();
    if !output.status.success() {
        bail!("it ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok((took, serde_json::from_slice(&output.stdout)?))
}
