//! Housekeeping: what has expired goes.

use std::time::Duration;

use db::{Db, Reason, Result};
use tokio_util::sync::CancellationToken;

use crate::store;

const PERIOD: Duration = Duration::from_mins(1);
/// Rows per commit: locks are held briefly, and several processes share the work.
const BATCH: i64 = 500;

/// Sweeps once a minute until `shutdown`.
pub async fn run(db: Db, shutdown: CancellationToken) {
    loop {
        match sweep(&db).await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "swept"),
            Err(error) => tracing::warn!(%error, "cannot sweep; trying again in a minute"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Removes all there is to remove; answers how many rows.
pub async fn sweep(db: &Db) -> Result<u64> {
    let mut total = 0;
    loop {
        let mut tx = db.system(Reason::Housekeeping).await?;
        let removed = store::sessions::remove_expired(&mut tx, BATCH).await?
            + store::challenges::remove_expired(&mut tx, BATCH).await?
            + store::device_grants::remove_expired(&mut tx, BATCH).await?
            + store::account_sessions::remove_expired(&mut tx, BATCH).await?
            + store::oauth_codes::remove_expired(&mut tx, BATCH).await?
            + store::oauth_assertions::remove_expired(&mut tx, BATCH).await?
            + store::ceremonies::remove_expired(&mut tx, BATCH).await?
            + store::external_identities::remove_expired(&mut tx, BATCH).await?
            + store::sent_codes::remove_expired(&mut tx, BATCH).await?
            + store::people::forget_addresses(&mut tx, BATCH).await?
            + store::invitations::remove_old(&mut tx, BATCH).await?
            + store::resets::remove_expired(&mut tx, BATCH).await?
            + store::email_changes::remove_old(&mut tx, BATCH).await?
            + store::guesses::remove_whole(&mut tx, BATCH).await?;
        tx.commit().await?;
        if removed == 0 {
            return Ok(total);
        }
        total += removed;
    }
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use clock::Clock;
    use testkit::Bench;

    use super::*;
    use crate::testing::{PASSWORD, settings, start_on};

    const DAY: Duration = Duration::from_hours(24);

    #[tokio::test]
    async fn what_has_expired_goes_and_the_rest_stays() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let db = test.bench.db("identity");
        let owner = test.sign_up("acme").await;
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
        test.sign_in(&owner.email, "an entirely wrong one").await.expect(401);
        sweep(&db).await.unwrap();
        assert_ne!(test.dump("identity.sessions").await, "");
        assert_ne!(test.dump("identity.guesses").await, "");

        clock.advance(DAY * 2);
        sweep(&db).await.unwrap();
        assert_eq!(test.dump("identity.sessions").await, "");
        assert_eq!(test.dump("identity.guesses").await, "");
        assert_ne!(test.dump("identity.known_addresses").await, "");

        clock.advance(DAY * 90);
        sweep(&db).await.unwrap();
        assert_eq!(test.dump("identity.known_addresses").await, "");
        assert_eq!(sweep(&db).await.unwrap(), 0, "run twice is run once");
    }

    #[tokio::test]
    async fn strangers_addresses_go_a_month_after_their_invitations() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let db = test.bench.db("identity");
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let (token, _) = test.invite(&owner, "guest@example.com", "viewer").await;
        test.accept(&token).await.expect(201);
        test.invite(&owner, "stranger@example.com", "viewer").await;
        clock.advance(DAY * 36);
        sweep(&db).await.unwrap();
        assert_eq!(test.bench.rows("identity.invitations").await.len(), 2);
        clock.advance(DAY * 2);
        sweep(&db).await.unwrap();
        let left = owner.client.get("/api/v1/invitations").await.expect(200).text;
        assert!(!left.contains("stranger") && left.contains("guest"), "{left}");
    }

    #[tokio::test]
    async fn rows_somebody_holds_are_passed_over() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let db = test.bench.db("identity");
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let claims = test.check(&tokens).await;
        clock.advance(DAY * 2);
        db.keys(claims.tenant).await.unwrap();
        let mut tx = db.system(Reason::SignIn).await.unwrap();
        store::sessions::claim(&mut tx, claims.tenant, claims.sid)
            .await
            .unwrap();
        sweep(&db).await.unwrap();
        drop(tx);
        assert_ne!(test.dump("identity.sessions").await, "", "held");
        assert_eq!(sweep(&db).await.unwrap(), 1);
    }
}
