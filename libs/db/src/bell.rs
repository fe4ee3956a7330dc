//! Commits of other processes.
//!
//! [`Wake`] rings for commits of its own process. Where roles run apart, each process also tells the others that it committed
//! something, with a NOTIFY in a transaction of its own: inside of every commit it would serialise them all, for whoever
//! notifies holds one lock of the whole server until its commit is done. One ring stands for all commits of [`GATHERS`], it
//! carries nothing, and to lose it costs a reader its round and no event.

use std::convert::Infallible;
use std::time::Duration;

use ids::EventId;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Db, Result, Wake};

const CHANNEL: &str = "yunshu_commits";
/// Commits within so long are one ring.
const GATHERS: Duration = Duration::from_millis(10);
/// Before the next try while the database is away.
const AWAY: Duration = Duration::from_secs(1);
/// How long nothing may be heard before it is asked whether the connection still is one.
const QUIET: Duration = Duration::from_mins(1);

impl Db {
    /// Rings here for commits of other processes, and there for those of this one, for as long as it runs. One for each
    /// process.
    pub async fn ring_across(&self) {
        // Of its own, so that whoever listens takes no connection from those who work.
        let pool = PgPoolOptions::new().max_connections(2);
        let pool = pool.connect_lazy_with(self.connect_options());
        let me = EventId::mint().to_string();
        tokio::join!(tell(&pool, self.wake(), &me), hear(&pool, self.wake(), &me));
    }
}

async fn tell(pool: &PgPool, wake: &Wake, me: &str) {
    let mut own = wake.own();
    loop {
        own.rung().await;
        // To lose a ring costs less than to wait for the disk.
        let told = sqlx::query("select pg_notify($1, $2) from set_config('synchronous_commit', 'off', true)")
            .bind(CHANNEL)
            .bind(me)
            .execute(pool);
        let pause = match told.await {
            Ok(_) => GATHERS,
            Err(error) => {
                tracing::debug!(?error, "other processes are not told of commits");
                AWAY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn hear(pool: &PgPool, wake: &Wake, me: &str) {
    loop {
        let Err(error) = listen(pool, wake, me).await;
        tracing::debug!(?error, "commits of other processes are not heard of");
        tokio::time::sleep(AWAY).await;
    }
}

async fn listen(pool: &PgPool, wake: &Wake, me: &str) -> Result<Infallible> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // For what was not heard until now.
    wake.ring_from_afar();
    loop {
        let Ok(heard) = tokio::time::timeout(QUIET, listener.try_recv()).await else {
            let asked = tokio::time::timeout(AWAY, listener.listen(CHANNEL)).await;
            asked.map_err(|_| sqlx::Error::PoolTimedOut)??;
            continue;
        };
        // None: the connection was lost, and is there again.
        if heard?.is_none_or(|told| told.payload() != me) {
            wake.ring_from_afar();
        }
    }
}
