//! Seals what people called their factors before names were sealed. A release before this one, as long as it runs somewhere, goes on
//! writing in the clear, so the worker goes on looking. A step is one commit; it may die anywhere, and goes on where it was. Until then the
//! name in the clear is the one that counts.

use std::time::Duration;

use crypto::KeyError;
use db::{Db, Reason};
use ids::TenantId;

use crate::store::{factor_names, factors};

/// Nothing waits for it.
pub const LOOK: Duration = Duration::from_mins(1);
/// Names per commit.
const STEP: i64 = 500;

/// Seals all there are, and says that there is no more. Where a tenant's keys are away, the others go on.
pub async fn round(db: &Db) -> Result<bool, fault::Error> {
    let mut after = None;
    loop {
        let mut tx = db.system(Reason::Housekeeping).await?;
        let next = factor_names::next_tenant(&mut tx, after).await?;
        drop(tx);
        let Some(tenant) = next else { return Ok(false) };
        after = Some(tenant);
        loop {
            match step(db, tenant, STEP).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%tenant, ?error, "names of factors stay in the clear for now");
                    break;
                }
            }
        }
    }
}

/// One commit: true if there may be more.
async fn step(db: &Db, tenant: TenantId, at_most: i64) -> Result<bool, fault::Error> {
    let keys = db.keys(tenant).await?;
    let mut tx = db.system(Reason::Housekeeping).await?;
    let open = factor_names::open(&mut tx, tenant, at_most).await?;
    let sealed = open
        .iter()
        .map(|(id, name)| Ok((*id, factors::sealed_name(&keys, *id, name)?)));
    let sealed = sealed.collect::<Result<Vec<_>, KeyError>>()?;
    factor_names::close(&mut tx, tenant, &sealed).await?;
    tx.commit().await?;
    Ok(i64::try_from(sealed.len()).is_ok_and(|closed| closed >= at_most))
}

#[cfg(test)]
mod tests {
    use ids::UserId;
    use testkit::Bench;

    use super::*;
    use crate::testing::{Test, settings, start_alone};

    const OPEN: &str = "select count(*) from identity.factors where name is not null";

    async fn lying(test: &Test) -> i64 {
        let mut sql = test.bench.superuser().await;
        sqlx::query_scalar(OPEN).fetch_one(&mut sql).await.unwrap()
    }

    #[tokio::test]
    async fn t31_many_workers_and_some_that_die_seal_every_name_once() {
        let bench = Bench::new().await;
        let db = bench.db("identity");
        let test = start_alone(bench, db.clone(), &settings());
        let tenants = [test.bench.tenant("acme").await, test.bench.tenant("byte").await];
        for tenant in &tenants {
            let user = test.newcomer(tenant, UserId::mint(), "ada@example.com").await;
            for _ in 0..12 {
                test.factor_again(tenant, user).await;
            }
        }
        for round in 0..6 {
            let dying = step(&db, tenants[0].id, 2);
            tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(Duration::from_millis(round)) => {} }
            for done in futures::future::join_all((0..2).map(|_| step(&db, tenants[0].id, 1))).await {
                done.unwrap();
            }
        }
        assert_ne!(lying(&test).await, 0, "of the other tenant");
        // The keys of one are away: the others go on, and so does it when they are back.
        let away = "update keys.tenant_keys set provider = 'away-' || provider where tenant_id = $1";
        db.keys(tenants[1].id).await.unwrap();
        test.bench.alter(away, tenants[1].id).await;
        db.keyring().unwrap().forget(tenants[1].id);
        assert!(!round(&db).await.unwrap());
        assert_eq!(lying(&test).await, 12);
        let back = "update keys.tenant_keys set provider = replace(provider, 'away-', '') where tenant_id = $1";
        test.bench.alter(back, tenants[1].id).await;
        db.keyring().unwrap().forget(tenants[1].id);
        for _ in 0..2 {
            assert!(!round(&db).await.unwrap());
            assert_eq!(lying(&test).await, 0);
        }
        let rows = test.dump("identity.factors").await;
        assert!(!rows.contains("phone") && !rows.contains("70686f6e65"), "{rows}");
    }
}
