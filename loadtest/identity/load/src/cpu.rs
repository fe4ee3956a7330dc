//! Processor time as the kernel counts it, in `/proc`.

use std::collections::HashMap;
use std::fs;

/// Ticks in a second, on every Linux that runs this.
const TICKS: f64 = 100.0;

struct Process {
    parent: u32,
    ticks: u64,
}

/// Seconds that these processes and their descendants have spent so far, those that have ended since included: whoever
/// waited for them counts them.
pub fn spent(roots: &[u32]) -> f64 {
    let all = processes();
    let belongs = |pid: &u32| {
        let mut at = *pid;
        while let Some(process) = all.get(&at) {
            if roots.contains(&at) {
                return true;
            }
            at = process.parent;
        }
        false
    };
    let ticks: u64 = all
        .iter()
        .filter(|(pid, _)| belongs(pid))
        .map(|(_, process)| process.ticks)
        .sum();
    ticks as f64 / TICKS
}

/// The same of this process alone.
pub fn own() -> f64 {
    spent(&[std::process::id()])
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// proc(5): the name stands in parentheses and may hold anything; what counts is behind it.
fn stat(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok());
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.sum(),
    })
}
