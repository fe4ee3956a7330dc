//! `./dev test`: everything that is checked, in the order in which it is cheap to fail.

pub mod canaries;
mod cli;
mod cold;
mod count;
mod fuzz;
mod keycloak;
mod kills;
mod python;
mod report;
mod stack;

use std::{collections::BTreeSet, env, path::PathBuf};

use anyhow::Result;

use crate::{check, deny, guest, kafka_test, libvirt, npm, openapi, pg_test, place::Place, redis, sh::Sh};
use keycloak::Keycloak;
use report::Report;
pub use stack::free_port;

const HYPERVISOR: [&str; 2] = ["--manifest-path", "services/hypervisor/Cargo.toml"];

/// Rounds under kill -9 with a process per role.
pub const ROUNDS: usize = 20;

/// What of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    All,
    /// The running system.
    Stack,
    /// The running system with a process per role, killed in so many rounds.
    Apart {
        rounds: usize,
    },
}

pub fn test(place: &Place, what: What) -> Result<()> {
    let mut report = Report::new(env::var("CI").is_ok_and(|ci| ci == "true"));
    let done = match what {
        What::All => steps(place, &mut report, false),
        What::Stack => steps(place, &mut report, true),
        What::Apart { rounds } => stack::apart(place, rounds, &mut report),
    };
    report.finish(done)
}

fn steps(place: &Place, report: &mut Report, stack_alone: bool) -> Result<()> {
    let server = if stack_alone {
        report.skip("code, portal, server, hypervisor", "only the stack was asked for")
    } else {
        code(place, report)?;
        portal(place, report)?;
        server(place, report)
    };
    // What runs is tried although a test failed: the more one run tells, the fewer are needed.
    let started = !libvirt::answers();
    // Started here and not by the stack, whose guests must still be forgotten when it has stopped.
    let done = report.step("libvirt", "./dev up", || libvirt::start(place));
    let done = done.and_then(|()| {
        let guests = if stack_alone { Ok(()) } else { hypervisor(place, report) };
        let stack = stack::run(place, report);
        let apart = stack::apart(place, ROUNDS, report);
        guests.and(stack).and(apart)
    });
    if started {
        libvirt::stop(place)?;
    }
    server.and(done)
}

/// What needs nothing to run beside it.
fn code(place: &Place, report: &mut Report) -> Result<()> {
    let cargo = |args: &[&str]| Sh::new("cargo").args(args).dir(&place.root);
    report.run("format", cargo(&["fmt", "--all", "--check"]))?;
    report.run("format, hypervisor", cargo(&["fmt", "--check"]).args(HYPERVISOR))?;
    report.step("design rules", "cargo xtask check", || check::check(place))?;
    report.step("bans, licences, sources", "cargo xtask deny", || deny::deny(place))?;
    match advisory_db(place) {
        Some(db) => {
            let audit = [
                "run",
                "--quiet",
                "-p",
                "xtask",
                "--features",
                "advisories",
                "--",
                "advisories",
                "--db",
            ];
            report.run("advisories", cargo(&audit).arg(db))?;
        }
        None => report.skip(
            "advisories",
            "no copy of the RustSec database: set YUNSHU_ADVISORY_DB to its folder",
        )?,
    }
    report.run(
        "clippy",
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    let clippy = cargo(&["clippy", "--quiet"])
        .args(HYPERVISOR)
        .args(["--all-targets", "--", "-D", "warnings"]);
    report.run("clippy, hypervisor", clippy)?;
    report.step("API descriptions fresh", "cargo xtask openapi --check", || {
        openapi::fresh(place)
    })?;
    report.step("API descriptions lint", "cargo xtask openapi --check", || {
        openapi::lint(place)
    })
}

fn portal(place: &Place, report: &mut Report) -> Result<()> {
    let ui = place.root.join("services/portal/ui");
    report.step("portal: packages", "npm ci --ignore-scripts", || npm::install(&ui))?;
    for script in ["api:check", "lint", "typecheck", "test", "build"] {
        report.run(&format!("portal: {script}"), npm::run(&ui, script))?;
    }
    Ok(())
}

/// The main workspace, against a real database that is stopped afterwards if it was started for this.
fn server(place: &Place, report: &mut Report) -> Result<()> {
    let started = !pg_test::is_up(place)?;
    let url = pg_test::start(place)?;
    let mut keycloak = None;
    // It takes a minute to start: beside the build that comes next. Whoever needs it waits for it.
    report.step("Keycloak: on its way", "./dev test", || {
        keycloak = Some(Keycloak::start(place, stack::free_port(2)?)?);
        Ok(())
    })?;
    let mut python = PathBuf::new();
    report.step("Python: packages", "./dev test", || {
        python = python::with_cryptography(place)?;
        Ok(())
    })?;
    let kafka_ran = kafka_test::is_up(place);
    let mut kafka = None;
    report.step("Kafka: on its way", "cargo xtask kafka-test start", || {
        kafka = Some(kafka_test::begin(place)?);
        Ok(())
    })?;
    let redis_ran = redis::test::is_up(place);
    let mut redis = String::new();
    report.step("Redis", "cargo xtask redis-test start", || {
        redis = redis::test::start(place)?;
        Ok(())
    })?;
    let base = keycloak.as_ref().map(Keycloak::base).unwrap_or_default();
    let tests = || {
        let tests = Sh::new("cargo").args(["test", "--workspace", "--quiet", "--no-fail-fast"]);
        let kafka = kafka.iter().flatten();
        kafka
            .fold(tests, |tests, (name, value)| tests.env(name, value))
            .env("YUNSHU_TEST_PG", &url)
            .env("YUNSHU_KEYCLOAK", base)
            .env("YUNSHU_PYTHON", &python)
            .env("YUNSHU_TEST_REDIS", &redis)
            .dir(&place.root)
    };
    let again = |names: &BTreeSet<&str>| tests().args(["--", "--exact"]).args(names);
    let done = report.tests("tests", tests(), again);
    if let Some(keycloak) = keycloak {
        keycloak.stop()?;
    }
    if !kafka_ran {
        kafka_test::stop(place)?;
    }
    if !redis_ran {
        redis::test::stop(place)?;
    }
    if started {
        pg_test::stop(place)?;
    }
    done
}

/// The hypervisor, against the real libvirt and a real guest.
fn hypervisor(place: &Place, report: &mut Report) -> Result<()> {
    let image = guest::make(place)?;
    let tests = Sh::new("cargo")
        .args(["test", "--quiet", "--no-fail-fast"])
        .args(HYPERVISOR)
        .env("YUNSHU_LIBVIRT", libvirt::URI)
        .env("YUNSHU_GUEST_KERNEL", &image.kernel)
        .env("YUNSHU_GUEST_INITRD", &image.initrd)
        .dir(&place.root);
    report.run("tests, hypervisor", tests)
}

fn advisory_db(place: &Place) -> Option<PathBuf> {
    let named = env::var_os("YUNSHU_ADVISORY_DB").map(PathBuf::from);
    let beside = place.root.join("../shared/data/advisory-db");
    named.or_else(|| beside.exists().then_some(beside))
}
