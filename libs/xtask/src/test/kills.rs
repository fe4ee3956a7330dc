//! kill -9 at random points of cycles of create and delete: of the server, of the hypervisor's agent and of `PostgreSQL`;
//! or, with a process per role, of any of them, of Redis, of Kafka and of `PostgreSQL`. Afterwards rows, libvirt's
//! guests, quota and audit log must agree, and nothing that was acknowledged may be lost or done twice.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    http::{Api, text},
    libvirt,
    place::Place,
    sh,
    up::{self, Part, Up, guests_dir},
};

const VMS: &str = "/api/v1/projects/default/vms";
const TENANT: &str = "kills";
/// Customers at work while something is killed, where machines cost nothing; where they are real, one.
const CUSTOMERS: usize = 4;
/// How long an acknowledgement may take while parts die and come back.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long rows, guests and log may disagree after the last part that was killed takes connections again.
const AGREED: Duration = Duration::from_secs(30);

/// With one process for all.
pub const TOGETHER: [Part; 3] = [Part::Database, Part::Server, Part::Host];
/// With a process per role.
pub const APART: [Part; 9] = [
    Part::Database,
    Part::Watched("redis"),
    Part::Watched("kafka"),
    Part::Watched("gateway"),
    Part::Watched("identity"),
    Part::Watched("compute"),
    Part::Watched("audit"),
    Part::Watched("notify"),
    Part::Watched("portal"),
];

/// So many cycles, at least one with each of these parts killed.
pub fn run(place: &Place, options: &Up, parts: &[Part], rounds: usize) -> Result<()> {
    // The standard library's own seed for its hash maps: random in each process.
    let seed = RandomState::new().build_hasher().finish();
    cycles(place, options, &victims(parts, rounds, seed), seed).with_context(|| format!("seed {seed}"))
}

/// Each part once, in an order of chance, and then whichever.
fn victims(parts: &[Part], rounds: usize, seed: u64) -> Vec<Part> {
    let mut dice = Dice(seed.rotate_left(32) | 1);
    let (mut left, mut victims) = (parts.to_vec(), Vec::new());
    while victims.len() < rounds && !parts.is_empty() {
        if left.is_empty() {
            left = parts.to_vec();
        }
        let below = u64::try_from(left.len()).unwrap_or(1);
        victims.push(left.swap_remove(usize::try_from(dice.below(below)).unwrap_or(0)));
    }
    victims
}

fn cycles(place: &Place, options: &Up, victims: &[Part], seed: u64) -> Result<()> {
    let mut dice = Dice(seed | 1);
    let customers = if options.simulated_host { CUSTOMERS } else { 1 };
    let mut clients = Vec::new();
    for _ in 0..customers {
        clients.push(Client {
            place,
            port: options.port,
            api: up::tenant(place, options.port, TENANT)?,
            simulated: options.simulated_host,
        });
    }
    let mut acknowledged = Vec::new();
    for (cycle, part) in victims.iter().copied().enumerate() {
        let delay = Duration::from_millis(dice.below(1500));
        let reaper = Reaper {
            place,
            options,
            part,
            delay,
        };
        let done = std::thread::scope(|threads| {
            let reaper = threads.spawn(move || reaper.reap());
            let customers = clients.iter_mut().enumerate().map(|(nth, client)| {
                let lives = Duration::from_millis(dice.below(1000));
                let name = format!("kill-{cycle}-{nth}");
                threads.spawn(move || client.cycle(&format!("{seed}-{cycle}-{nth}"), &name, lives))
            });
            // All are at work before the first is waited for.
            for customer in customers.collect::<Vec<_>>() {
                acknowledged.push(joined(customer)?);
            }
            joined(reaper)
        });
        done.with_context(|| format!("cycle {cycle}, {part:?} killed after {delay:?}"))?;
    }
    let client = clients.first_mut().context("no customer")?;
    let last = Instant::now();
    let idle = client.is_idle(&acknowledged).map(|()| last.elapsed())?;
    client.agree(&acknowledged)?;
    let took = last.elapsed();
    ensure!(
        took < AGREED,
        "after the last part was back it took {idle:?} until nothing was left, and {took:?} until the log agreed"
    );
    Ok(())
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
}

/// Kills one part in the middle of a cycle and brings it back.
struct Reaper<'a> {
    place: &'a Place,
    options: &'a Up,
    part: Part,
    delay: Duration,
}

impl Reaper<'_> {
    fn reap(&self) -> Result<()> {
        pause(self.delay);
        up::kill(self.place, self.part)?;
        up::revive(self.place, self.options, self.part)
    }
}

/// A customer who asks again until there is an answer.
struct Client<'a> {
    place: &'a Place,
    port: u16,
    api: Api,
    /// No guests run.
    simulated: bool,
}

impl Client<'_> {
    /// A machine that is made, lives for a while and goes.
    fn cycle(&mut self, key: &str, name: &str, lives: Duration) -> Result<String> {
        let id = self.create(key, name)?;
        pause(lives);
        self.delete(&id)?;
        Ok(id)
    }

    fn create(&mut self, key: &str, name: &str) -> Result<String> {
        let body = json!({"name": name, "flavor": "tiny", "image": "tiny"});
        let vm = self.insist("a machine is acknowledged", |api| {
            let answer = api.post_once(VMS, key, &body)?;
            Ok((answer.status == 202).then_some(answer))
        })?;
        text(&vm.json()?, "id")
    }

    fn delete(&mut self, id: &str) -> Result<()> {
        self.insist("its end is acknowledged", |api| {
            let answer = api.delete(&format!("{VMS}/{id}"))?;
            Ok(matches!(answer.status, 202 | 404).then_some(answer))
        })?;
        Ok(())
    }

    /// Signs in anew where that is what is missing; no other refusal is final while parts die.
    fn insist<T>(&mut self, what: &str, ask: impl Fn(&Api) -> Result<Option<T>>) -> Result<T> {
        let (place, port) = (self.place, self.port);
        let api = &mut self.api;
        sh::wait_for(what, PATIENCE, || {
            if let Ok(Some(answer)) = ask(api) {
                return Ok(Some(answer));
            }
            if let Ok(fresh) = up::tenant(place, port, TENANT) {
                *api = fresh;
            }
            Ok(None)
        })
    }

    fn is_idle(&mut self, acknowledged: &[String]) -> Result<()> {
        self.insist("rows and quota to be empty again", |api| {
            let vms = api.get(VMS)?.json()?;
            let used = api.get("/api/v1/quotas")?.json()?;
            let idle = items(&used)
                .iter()
                .all(|quota| quota.get("used").and_then(Value::as_i64) == Some(0));
            Ok((items(&vms).is_empty() && idle).then_some(()))
        })?;
        if !self.simulated {
            only_the_others_guest(self.place, acknowledged)?;
        }
        Ok(())
    }

    fn agree(&mut self, acknowledged: &[String]) -> Result<()> {
        let log = self.insist("the log to be complete", |api| {
            let log = entries(api)?;
            let ends = log.iter().filter(|entry| *entry.0 == *"vm.delete").count();
            Ok((ends >= acknowledged.len()).then_some(log))
        })?;
        for id in acknowledged {
            let object = format!("vm:{id}");
            let count = |action: &str| {
                log.iter()
                    .filter(|entry| entry.0 == action && entry.1 == object)
                    .count()
            };
            let (made, ended) = (count("vm.create"), count("vm.delete"));
            if made != 1 || ended == 0 {
                bail!("{object}: {made} creations and {ended} deletions in the audit log");
            }
        }
        // And the other way round: the log knows of no machine that nobody was told of.
        for (_, object) in log.iter().filter(|entry| entry.0 == "vm.create") {
            let known = acknowledged.iter().any(|id| *object == format!("vm:{id}"));
            ensure!(known, "{object} was made, says the audit log, and nobody was told");
        }
        Ok(())
    }
}

/// The demonstration's own machine belongs to another tenant and must have lived through it all.
fn only_the_others_guest(place: &Place, acknowledged: &[String]) -> Result<()> {
    let guests = guests_dir(place)?;
    sh::wait_for("libvirt to hold the other tenant's guest alone", PATIENCE, || {
        let left = libvirt::guests(&guests)?;
        Ok((left.len() == 1 && left.iter().all(|guest| !acknowledged.contains(guest))).then_some(()))
    })
}

/// A random moment is what this test is about; nothing is expected to have happened when it is over.
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of the kill must not depend on the state of the system"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Action and object of every success in the tenant's log.
fn entries(api: &Api) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut page = String::new();
    loop {
        let answer = api
            .get(&format!("/api/v1/audit/events?outcome=success&limit=1000{page}"))?
            .json()?;
        for entry in items(&answer) {
            all.push((text(entry, "action")?, text(entry, "object")?));
        }
        match answer.get("next_page").and_then(Value::as_str) {
            Some(next) => page = format!("&page_token={next}"),
            None => return Ok(all),
        }
    }
}

fn items(page: &Value) -> &[Value] {
    page.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Marsaglia's xorshift64: repeatable by its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
