//! T24 against the real thing, with a process per role: what must not lie about is said through every door; then the platform
//! stops, and every byte of what it leaves behind is searched, with what its processes had in memory at the end.
//!
//! # What is searched
//! `PostgreSQL`'s files with the write-ahead log and what the server said, and all rows as text, for long values are packed in
//! files; Kafka's records; what Redis wrote, and its memory, for it writes nothing; every log, every file of the platform's own; arguments
//! and environments of all that runs. Not the folder of letters: it stands for the mail server of somebody else.
//!
//! # What is said of memory
//! Of what only passes through (passwords, tokens) traces stay in memory that was given back and not used again: buffers of
//! sockets and of TLS, which nobody wipes. So what is checked is that they are in the two processes they pass through and in no other,
//! that keys are in those alone that have a use for them, and that no process may leave a core at all.

mod plant;
pub mod processes;
mod receiver;
mod redis;
mod search;
mod words;

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    place::{Place, make_dir},
    running, secrets,
    up::{self, Up, database},
};
use plant::Day;
use search::{Find, search};
use words::Canaries;

/// Who seals and opens what belongs to the platform or to a tenant.
const SEALING: &[&str] = &[
    "/left/memory-identity",
    "/left/memory-compute",
    "/left/memory-audit",
    "/left/memory-notify",
];

/// What must be found, and in what.
const SHOWN: [(&str, &str); 8] = [
    ("a machine's name", "/data/base/"),
    ("a machine's name", "/data/pg_wal/"),
    ("a machine's name", "/left/rows"),
    ("why a hold is", "/data/base/"),
    ("a tenant's id", "/kafka/data/"),
    ("a tenant's id", "/log/"),
    ("an argument", "/left/arguments"),
    ("what it is told", "/left/memory-"),
];

/// Where secrets are kept, and what stands for somebody else's.
const ELSEWHERE: [&str; 3] = ["secrets", "mail", "guest"];

pub fn run(place: &Place, options: &Up) -> Result<()> {
    redis::may_do_little(place)?;
    let mut day = Day {
        port: options.port,
        ca: &up::ca(place),
        receiver: options.receiver.context("nobody receives webhooks")?,
        canaries: Canaries::default(),
    };
    day.live()?;
    let mut canaries = day.canaries;
    canaries.show("an argument", &place.state("run/gateway.toml").to_string_lossy())?;
    canaries.show("what it is told", &format!("https://localhost:{}", options.port))?;

    let kek = fs::read_to_string(secrets::key(place, "kek")?)?;
    canaries.hide("the key of keys, as it is written", kek.trim(), &[])?;
    canaries.hide_bytes("the key of keys", &STANDARD.decode(kek.trim())?, SEALING)?;
    let log = fs::read_to_string(secrets::key(place, "log.key")?)?;
    canaries.hide_bytes(
        "the key that signs the log",
        &STANDARD.decode(log.trim())?,
        &["/left/memory-audit"],
    )?;
    let owner = secrets::password(place, "pg-owner.secret")?;
    canaries.hide("the password of the database's owner", &owner, &[])?;

    let left = place.state("left");
    make_dir(&left, 0o700)?;
    let database = database::server(place)?;
    fs::write(left.join("rows"), database.dump(database::NAME)?)?;
    processes::note(place, &left)?;
    let tables = tables(&database)?;
    running::down(place)?;

    let found = search(&canaries, &places(place)?)?;
    fs::remove_dir_all(&left)?;
    judge(&canaries, &found, &tables)
}

/// Everything in the state, wherever it really is.
fn places(place: &Place) -> Result<Vec<PathBuf>> {
    let all = fs::read_dir(&place.state)?.flatten();
    let ours = all.filter(|entry| !ELSEWHERE.iter().any(|name| entry.file_name() == *name));
    ours.map(|entry| Ok(fs::canonicalize(entry.path())?)).collect()
}

/// Which table a file of the database is of.
fn tables(database: &crate::pg::Server) -> Result<BTreeMap<String, String>> {
    let files = "select pg_relation_filepath(oid), oid::regclass from pg_class where relkind in ('r', 'i', 't', 'm')";
    let files = database.sql(database::NAME, files)?;
    let pair = |line: &str| {
        line.split_once('|')
            .map(|(file, name)| (file.to_owned(), name.to_owned()))
    };
    Ok(files.lines().filter_map(pair).collect())
}

fn judge(canaries: &Canaries, found: &[Find], tables: &BTreeMap<String, String>) -> Result<()> {
    for (what, part) in SHOWN {
        let seen = found
            .iter()
            .any(|find| find.what == what && find.file.to_string_lossy().contains(part));
        ensure!(
            seen,
            "{what} is not in {part}, so that nothing is said by what else was not found"
        );
    }
    let wrong = found.iter().filter(|find| !canaries.may(find.what, &find.file));
    let wrong: Vec<String> = wrong.map(|find| told(find, tables)).collect();
    ensure!(wrong.is_empty(), "{} lie open:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn told(find: &Find, tables: &BTreeMap<String, String>) -> String {
    let Find {
        what,
        file,
        offset,
        times,
    } = find;
    let table = table_of(file, tables).map_or_else(String::new, |table| format!(" ({table})"));
    format!("  {what}: {}:{offset}{table}, {times} times", file.display())
}

fn table_of<'a>(file: &Path, tables: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let (_, inside) = file.to_str()?.split_once("/data/")?;
    tables.get(inside).map(String::as_str)
}
