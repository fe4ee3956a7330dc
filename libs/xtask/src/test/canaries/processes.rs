//! What runs tells of itself: to whoever lists processes, and to whoever has their memory.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
};

use anyhow::{Context, Result, ensure};

use crate::{daemon::Daemon, place::Place, sh::Sh, up::full::ROLES};

/// Whose memory is looked at: the platform's, and that of Redis, which is all it has.
const OTHERS: [&str; 3] = ["witness", "simulated-host", "redis"];

/// Notes it down in this folder.
pub fn note(place: &Place, left: &Path) -> Result<()> {
    // A process may end meanwhile.
    let all = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true";
    fs::write(left.join("arguments"), bytes(Sh::root("sh").args(["-c", all]))?)?;
    // Whoever built anew meanwhile has put another file in the place of this program's.
    let own = format!("/proc/{}/exe", std::process::id());
    for name in ROLES.iter().chain(&OTHERS) {
        let pid = Daemon::named(place, name)
            .pid()
            .with_context(|| format!("{name} does not run"))?;
        let memory = Sh::root(&own).args(["memory", &pid.to_string()]);
        fs::write(left.join(format!("memory-{name}")), bytes(memory)?)?;
        if ROLES.contains(name) {
            leaves_no_core(name, pid)?;
        }
    }
    Ok(())
}

fn leaves_no_core(name: &str, pid: u32) -> Result<()> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let core: Vec<&str> = core.context("no limit of cores")?.split_whitespace().take(2).collect();
    ensure!(core == ["0", "0"], "{name} may leave a core of {core:?}");
    Ok(())
}

fn bytes(command: Sh) -> Result<Vec<u8>> {
    let done = command.into_command().output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(done.stdout)
}

/// Writes what a process has in memory and shares with nobody; for whoever may look into it.
pub fn memory(pid: u32) -> Result<()> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut out = std::io::stdout().lock();
    for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        let (from, to) = range.context("a mapping has a beginning and an end")?;
        let (mut at, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut part = vec![0; 1 << 20];
        while at < to {
            let most = usize::try_from(to - at)?.min(part.len());
            // What was given back meanwhile cannot be read any more.
            let Ok(read @ 1..) = memory.read_at(part.get_mut(..most).unwrap_or_default(), at) else {
                break;
            };
            out.write_all(part.get(..read).unwrap_or_default())?;
            at += u64::try_from(read)?;
        }
    }
    Ok(())
}
