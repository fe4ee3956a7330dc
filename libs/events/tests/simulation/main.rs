//! The steps of feeding and of leading, in thousands of runs in which everything that can fail does.
//!
//! What decides is the product's own ([`events::step`]): the consumer's round, the relay's step, and what a lane does with
//! records. What they decide about is pretended: the database ([`store`], which `contract` holds against the real one) and
//! the broker ([`broker`]). Changes, group membership and leases are statements and client libraries in the product; here
//! they are what those do. `YUNSHU_SIMULATION_SEEDS` runs more seeds than are usual, `YUNSHU_SIMULATION_SEED` one of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod broker;
mod check;
mod contract;
mod executor;
mod mutant;
mod relay;
mod store;
mod wiring;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::Broker;
use crate::executor::{Sim, Time};
use crate::mutant::Switch;
use crate::store::Store;
use crate::wiring::World;

/// Runs one seed and tells every step.
const ONE: &str = "YUNSHU_SIMULATION_SEED";
const SEEDS: u64 = 200;
/// Kinds of faults.
const FAULTS: usize = 14;
/// Faults are over by then.
const CALM: Time = 5_000;
/// And so much later everything must be done.
const LIVE: Time = 30_000;

/// What a run was like.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    trace: (u64, u64),
    suffered: BTreeMap<&'static str, u64>,
    effects: usize,
    acknowledged: usize,
}

fn run(seed: u64, switch: Switch) -> Result<Ran, String> {
    let (broker, loses) = (!seed.is_multiple_of(3), seed % 3 == 2);
    let sim = Sim::new(seed, told(ONE).is_some());
    let world = World {
        store: Store::new(sim.clone(), switch),
        broker: Broker::new(sim.clone()),
        oracle: Arc::default(),
        poison: seed.is_multiple_of(4),
        sim: sim.clone(),
    };
    let mut processes = world.processes(broker, loses);
    let ended = sim.run(&mut processes, CALM, CALM + LIVE);
    // What is under way is rolled back, as if everything stopped here.
    drop(processes);
    ended
        .and_then(|()| check::check(&world, broker, loses))
        .map_err(|error| format!("seed {seed}: {error}; its last steps:\n{}", sim.last_steps()))?;
    let (effects, acknowledged) = (world.store.state().effects.len(), world.oracle().acknowledged.len());
    Ok(Ran {
        trace: sim.trace(),
        suffered: sim.suffered(),
        effects,
        acknowledged,
    })
}

fn seeds() -> std::ops::Range<u64> {
    match told(ONE) {
        Some(one) => one..one + 1,
        None => 0..told("YUNSHU_SIMULATION_SEEDS").unwrap_or(SEEDS),
    }
}

fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn t31_t33_t37_whatever_fails_each_change_has_its_effect_once_in_order_and_no_old_holder_acts() {
    let (mut effects, mut steps, mut suffered) = (0, 0, BTreeMap::<_, u64>::new());
    for seed in seeds() {
        let ran = run(seed, Switch::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(ran.acknowledged > 5, "seed {seed} does nothing: {ran:?}");
        effects += ran.effects;
        steps += ran.trace.0;
        for (what, often) in ran.suffered {
            *suffered.entry(what).or_default() += often;
        }
    }
    println!(
        "{} seeds, {steps} steps, {effects} effects: 0 violations. {suffered:?}",
        seeds().count()
    );
    assert!(
        seeds().count() < 100 || suffered.len() == FAULTS,
        "not every fault was reached: {suffered:?}"
    );
}

#[test]
fn each_mistake_is_seen_by_some_seed() {
    for mutant in mutant::ALL {
        let switch = Switch::to(mutant);
        let seen = (0..SEEDS).find_map(|seed| run(seed, switch.clone()).err());
        assert!(switch.reached() > 0, "{mutant:?} was never made");
        let seen = seen.unwrap_or_else(|| panic!("{mutant:?} is seen by none of {SEEDS} seeds"));
        println!("{mutant:?}: {}", seen.lines().next().unwrap_or_default());
    }
}

#[test]
fn a_seed_is_a_run() {
    for seed in 0..12 {
        assert_eq!(
            run(seed, Switch::default()),
            run(seed, Switch::default()),
            "seed {seed}"
        );
    }
    let traces: Vec<_> = (0..12)
        .map(|seed| run(seed, Switch::default()).unwrap().trace)
        .collect();
    assert!(
        traces
            .iter()
            .all(|trace| traces.iter().filter(|other| *other == trace).count() == 1)
    );
}
