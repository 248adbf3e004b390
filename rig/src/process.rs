//! Processes as `/proc` shows them.

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// A process, with the times of `/proc/<pid>/stat` in ticks of the clock.
#[derive(Clone, Copy, Debug)]
struct Stat {
    is_gone: bool,
    parent: i32,
    own: u64,
    /// Of children that have ended.
    children: u64,
}

fn stat(pid: Pid) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before may hold anything, a bracket too.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        is_gone: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        own: number(11)? + number(12)?,
        children: number(13)? + number(14)?,
    })
}

/// A process and its children that run, the process first.
pub fn family(parent: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let is_child = |pid: &Pid| {
        stat(*pid).is_some_and(|stat| stat.parent == parent.as_raw_nonzero().get() && !stat.is_gone)
    };
    std::iter::once(parent).chain(pids.filter(is_child)).collect()
}

/// Processor time that a process and its children have taken so far.
pub fn processor_time(parent: Pid) -> Duration {
    let stats = family(parent).into_iter().filter_map(stat);
    let ticks: u64 = stats
        .enumerate()
        .map(|(at, stat)| match at {
            0 => stat.own + stat.children,
            _ => stat.own,
        })
        .sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

pub fn signal(pid: Pid, signal: Signal) {
    // It may have ended meanwhile, which is as well.
    let _ = kill_process(pid, signal);
}

/// Waits until processes are gone.
pub fn wait_gone(pids: &[Pid], limit: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + limit;
    while pids.iter().any(|pid| stat(*pid).is_some_and(|stat| !stat.is_gone)) {
        (Instant::now() < end).then_some(()).context("a process does not end")?;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
