//! Entries at a fixed rate. Each has its time, and its latency counts from then: a stall is not hidden by those it held up.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clock::Clock;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::content::{Contents, Person};
use crate::figures::{Meter, Times};
use crate::options::Options;
use crate::ours::record;
use crate::watch::{LOOK, Watch};
use crate::world::World;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(1);

pub async fn run(options: &Options, contents: &Arc<Contents>, (tenants, rate): (usize, f64)) -> anyhow::Result<Value> {
    let mut world = World::new(tenants).await?;
    world.start()?;
    let (tell, mut told) = oneshot::channel();
    let mut watch = Watch::new(world.superuser().await);
    let mut watching = JoinSet::new();
    watching.spawn(async move {
        loop {
            watch.look().await?;
            if let Ok(sent) = told.try_recv() {
                watch.until(sent).await?;
                return Ok::<_, anyhow::Error>(watch);
            }
            sleep(LOOK).await;
        }
    });
    // What is there from a service's second on is what counts: connections are open and statements are known.
    let warm = Duration::from_secs_f64(options.seconds / 4.0);
    let all = warm + Duration::from_secs_f64(options.seconds * 2.0);
    let people: Arc<Vec<_>> = Arc::new(world.tenants.clone());
    let (mut answers, mut sent) = (JoinSet::new(), 0_usize);
    let meter = Meter::start(options.server);
    let begin = Instant::now();
    let half = Clock::system().now() + all / 2;
    while begin.elapsed() < all {
        while due(begin, rate, sent) <= Instant::now() {
            let (db, people, contents) = (world.db.clone(), Arc::clone(&people), Arc::clone(contents));
            let (number, due) = (sent, due(begin, rate, sent));
            answers.spawn(async move {
                let tenant = people.get(number % people.len()).context("a tenant")?;
                record(&db, &Person::of(tenant), &contents, number).await?;
                Ok::<_, anyhow::Error>((due, due.elapsed()))
            });
            sent += 1;
        }
        sleep_until((Instant::now() + TICK).max(due(begin, rate, sent))).await;
    }
    let sending = meter.read();
    let mut late = Vec::new();
    while let Some(answer) = answers.join_next().await {
        let (due, took) = answer??;
        if due >= begin + warm {
            late.push(took);
        }
    }
    let answered = meter.read();
    // Whoever ended before this says why when it is waited for.
    let _ = tell.send(sent);
    let watch = watching.join_next().await.context("whoever watches")???;
    let caught_up = meter.read();
    let (logged, signed, unsigned) = watch.ages(half).await?;
    world.stop().await?;
    Ok(json!({
        "rate": rate, "sent": sent, "recording": Times::of(late).told(), "to_the_log": logged.told(),
        "to_a_signed_checkpoint": signed.told(), "unsigned": unsigned, "last_answer_after_s": answered.wall - sending.wall,
        "caught_up_after_s": caught_up.wall - sending.wall,
        "cores_used": (sending.own + sending.database) / sending.wall,
    }))
}

fn due(begin: Instant, rate: f64, number: usize) -> Instant {
    begin + Duration::from_secs_f64(number as f64 / rate)
}
