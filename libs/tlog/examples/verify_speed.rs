//! How many entries a second one core verifies: `cargo run --release -p tlog --example verify_speed`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "a measurement says by panicking what is wrong"
)]

#[path = "../tests/made/log.rs"]
mod made;

use std::time::Instant;

use made::{Chance, Made, written};
use tlog::bundle::verify;

const ENTRIES: u32 = 200_000;

fn main() {
    let mut log = Made::new(&mut Chance(1), u64::from(ENTRIES));
    // Checkpoints of the service are further apart than those of the tests.
    log.checkpoints = (1..=u64::from(ENTRIES) / 10_000).map(|at| at * 10_000).collect();
    let bytes = written(&log.stretch(1));
    let trust = log.trust(None);
    let best = (0..7).map(|_| {
        let start = Instant::now();
        let report = verify(bytes.as_slice(), &trust).unwrap();
        assert_eq!(report.entries, u64::from(ENTRIES));
        start.elapsed().as_secs_f64()
    });
    let seconds = best.fold(f64::INFINITY, f64::min);
    let entries = f64::from(ENTRIES);
    let megabytes = u32::try_from(bytes.len() / 1_000_000).unwrap();
    println!(
        "{:.0} entries a second, {:.0} MB a second, {} bytes an entry",
        entries / seconds,
        f64::from(megabytes) / seconds,
        bytes.len() / usize::try_from(ENTRIES).unwrap()
    );
}
