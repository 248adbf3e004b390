//! W4: from process start to the first correct answer, and what idling costs.

use super::w2::Accepted;
use super::{MIB, Settings, Site};
use crate::client::{Connection, Target};
use crate::load::{Orders, Reply, Work};
use crate::process::Process;
use crate::report::{Report, median};
use anyhow::{Result, bail};
use sluicegate_bench::definition;
use std::time::Duration;

/// Starts whose median is taken.
const STARTS: usize = 5;

const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(120);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    api.create_flow("w1", &definition::order_answered()).await?;
    server.stop().await?;
    starts(settings, &site, report, "w4.empty", "W4, empty store").await?;

    let (server, mut api) = site.start(&settings.server).await?;
    let mut accepted = Accepted::create(&mut api, settings.filler).await?;
    accepted.post(&server, &mut api, settings.w4_runs, report).await?;
    let peak = server.resident_peak()?;
    server.stop().await?;
    let what = format!("W4, {} finished runs", accepted.posts);
    report.add("w4.filled.bytes", site.bytes()? as f64, "B", format!("{what}: store"));
    let text = format!("{what}: most resident memory while they ran");
    report.add("w4.filled.peak_mib", peak as f64 / MIB, "MiB", text);
    starts(settings, &site, report, "w4.filled", &what).await
}

/// Starts the server some times; the last start is left idle.
async fn starts(
    settings: &Settings,
    site: &Site,
    report: &mut Report,
    name: &str,
    what: &str,
) -> Result<()> {
    let (mut first, mut last) = (Vec::new(), None);
    for _ in 0..STARTS {
        if let Some(process) = last.take() {
            Process::stop(process).await?;
        }
        let mut server = Process::server(&settings.server, &site.data(), &site.log("server.log"))?;
        first.push(first_answer(&mut server, settings).await?.as_secs_f64() * 1_000.0);
        last = Some(server);
    }
    let Some(server) = last else { bail!("the server was not started") };
    let before = server.cpu()?;
    tokio::time::sleep(settings.w4_idle).await;
    let idle_cpu = server.cpu()?.saturating_sub(before).as_secs_f64() * 1_000.0;
    let resident = server.resident()?;
    server.stop().await?;
    let seconds = settings.w4_idle.as_secs();
    report.add(
        format!("{name}.first_ms"),
        median(&first),
        "ms",
        format!("{what}: process start to first answer of W1"),
    );
    report.add(
        format!("{name}.idle_mib"),
        resident as f64 / MIB,
        "MiB",
        format!("{what}: resident memory {seconds} s later"),
    );
    let text = format!("{what}: CPU in these {seconds} s");
    report.add(format!("{name}.idle_cpu_ms"), idle_cpu, "ms", text);
    Ok(())
}

/// Sends an order until it is answered; the answer must be right.
///
/// The flow's address holds a signature and is asked for once the server listens;
/// that call is part of the time measured.
async fn first_answer(server: &mut Process, settings: &Settings) -> Result<Duration> {
    let work = Orders { filler: settings.filler, reply: Reply::Answered };
    let (mut body, mut request) = (Vec::new(), Vec::new());
    work.write_body(1, &mut body);
    let mut target: Option<Target> = None;
    while server.started.elapsed() < FIRST_ANSWER_WITHIN {
        let Ok(mut connection) = Connection::open(server.addr).await else {
            server.check_alive()?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        if target.is_none() {
            target = crate::api::Api::new(server.addr).trigger("w1").await.ok();
        }
        if let Some(target) = &target {
            target.write_request(&body, &mut request)?;
            if let Ok(answer) = connection.exchange(&request).await {
                work.check(1, &answer)?;
                return Ok(server.started.elapsed());
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("no answer within {FIRST_ANSWER_WITHIN:?} of the start")
}
