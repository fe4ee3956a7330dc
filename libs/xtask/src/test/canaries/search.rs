//! Every byte of folders and files, by `grep`: it is on every machine, and as fast as the files are read.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use super::words::{Canaries, Canary};
use crate::sh::Sh;

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Find {
    pub what: &'static str,
    pub file: PathBuf,
    /// The first place in that file, in bytes, and how often it is in it.
    pub offset: u64,
    pub times: usize,
}

/// Looks for all of them below all of these.
pub fn search(canaries: &Canaries, places: &[PathBuf]) -> Result<Vec<Find>> {
    let spelled = canaries.spelled();
    let mut found: BTreeMap<(&'static str, PathBuf), (u64, usize)> = BTreeMap::new();
    for line in grep(&spelled, places)?
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let (file, offset, what) = read(line).context("grep wrote something else than where it found what")?;
        let canary = Canaries::of(&spelled, what)?;
        let (_, times) = found.entry((canary.what, file)).or_insert((offset, 0));
        *times += 1;
    }
    let find = |((what, file), (offset, times))| Find {
        what,
        file,
        offset,
        times,
    };
    Ok(found.into_iter().map(find).collect())
}

/// `file NUL offset:what`, a line each.
fn grep(spelled: &[(Vec<u8>, &Canary)], places: &[PathBuf]) -> Result<Vec<u8>> {
    let patterns: Vec<&[u8]> = spelled.iter().map(|(spelling, _)| spelling.as_slice()).collect();
    // What belongs to the database's user is closed to others, and what is looked for goes in where nobody sees it.
    let mut grep = Sh::root("env")
        .args(["LC_ALL=C", "grep", "-RHaboZF", "--devices=skip", "-f", "-", "--"])
        .args(places)
        .into_command();
    let mut grep = grep
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = grep.stdin.take() {
        stdin.write_all(&patterns.join(&b'\n'))?;
    }
    let done = grep.wait_with_output()?;
    // 1: nothing was found.
    if !matches!(done.status.code(), Some(0 | 1)) {
        bail!(
            "grep ended with {}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(done.stdout)
}

fn read(line: &[u8]) -> Option<(PathBuf, u64, &[u8])> {
    let at = line.iter().position(|byte| *byte == 0)?;
    let (file, rest) = line.split_at_checked(at)?;
    let rest = rest.get(1..)?;
    let colon = rest.iter().position(|byte| *byte == b':')?;
    let offset = std::str::from_utf8(rest.get(..colon)?).ok()?.parse().ok()?;
    Some((
        Path::new(OsStr::from_bytes(file)).to_owned(),
        offset,
        rest.get(colon + 1..)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_with_its_place_and_nothing_else() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-canaries-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("below"))?;
        let mut canaries = Canaries::default();
        canaries.hide("one", "sesame-1", &[])?;
        canaries.hide("two", "sesame-2", &[])?;
        canaries.hide_bytes("bytes", b"\xff\x00\xfe\xfd\x80\x81\x0412", &[])?;
        std::fs::write(
            dir.join("below/a:1"),
            b"\x00\x01\xffsesame-1\n\xfe\xfd\x80\x81\x0412 sesame-1",
        )?;
        std::fs::write(dir.join("b"), "73657361 6d652d32")?;
        let found = search(&canaries, std::slice::from_ref(&dir))?;
        let find = |what, file, offset, times| Find {
            what,
            file: dir.join(file),
            offset,
            times,
        };
        assert_eq!(
            found,
            [find("bytes", "below/a:1", 12, 1), find("one", "below/a:1", 3, 2)]
        );
        std::fs::write(dir.join("b"), "x736573616d652d32")?;
        let found = search(&canaries, &[dir.join("b")])?;
        assert_eq!(found, [find("two", "b", 1, 1)]);
        std::fs::remove_dir_all(dir)?;
        Ok(())
    }
}
