//! The platform's own user of its own Redis.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

use anyhow::{Result, ensure};

use crate::{place::Place, redis::USER, secrets, up::full};

/// No programs, no looking around, no clearing away, and nothing beside its own keys.
const REFUSED: [&str; 16] = [
    "EVAL \"return 1\" 0",
    "EVALSHA 0 0",
    "SCRIPT LOAD \"return 1\"",
    "FUNCTION LIST",
    "FCALL x 0",
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "ACL LIST",
    "MONITOR",
    "SAVE",
    "SHUTDOWN NOSAVE",
    "GET elsewhere",
];

/// Signs in as the platform does, and asks for what it has no use for.
pub fn may_do_little(place: &Place) -> Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", full::port(place, "redis")?))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut ask = |command: &str| -> Result<String> {
        let mut answer = String::new();
        (&stream).write_all(format!("{command}\r\n").as_bytes())?;
        answers.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    };
    let stranger = ask("PING")?;
    ensure!(stranger.starts_with("-NOAUTH"), "a stranger is told {stranger}");
    let known = ask(&format!("AUTH {USER} {}", secrets::password(place, "redis.password")?))?;
    ensure!(known == "+OK", "the platform's user is told {known}");
    for command in REFUSED {
        let answer = ask(command)?;
        ensure!(answer.starts_with("-NOPERM"), "{command}: {answer}");
    }
    let counted = ask("INCRBY v1:canary 0")?;
    ensure!(counted.starts_with("-NOPERM"), "INCRBY: {counted}");
    let gone = ask("DEL v1:canary")?;
    ensure!(gone == ":0", "what it may do it can: {gone}");
    Ok(())
}
