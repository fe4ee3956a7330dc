//! Every process dies at once, and all start together against a cold database, Redis and Kafka.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::kills::APART;
use crate::{
    http::Api,
    place::Place,
    sh,
    up::{self, Part, Up, database},
};

const ROUNDS: u32 = 3;
const READY: Duration = Duration::from_mins(1);
/// What a server for a small platform allows, less what is kept for its owner.
const CONNECTIONS: u32 = 97;

pub fn run(place: &Place, options: &Up) -> Result<()> {
    let api = Api::new(options.port, &up::ca(place))?;
    for round in 0..ROUNDS {
        for part in APART {
            up::kill(place, part)?;
        }
        let start = Instant::now();
        up::revive(place, options, Part::Database)?;
        let ready = || Ok(api.get("/readyz").ok().filter(|answer| answer.status == 200));
        sh::wait_for("every role to be ready", READY, ready).with_context(|| format!("round {round}"))?;
        let took = start.elapsed();
        ensure!(took < READY, "round {round}: ready after {took:?}");
        let open = "select count(*) from pg_stat_activity where usename like 'yunshu%'";
        let open: u32 = database::server(place)?.sql("postgres", open)?.trim().parse()?;
        ensure!(open <= CONNECTIONS, "round {round}: {open} connections to the database");
    }
    Ok(())
}
