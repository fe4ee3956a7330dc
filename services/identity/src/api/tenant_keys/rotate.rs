use actix_web::post;
use actix_web::web::Data;
use auth::action::tenant_key;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{TenantKeysView, none};
use crate::state::Identity;
use crate::store;

/// Gives the tenant a new key.
#[utoipa::path(
    operation_id = "rotate_tenant_keys",
    tag = "tenant-keys",
    description = "Makes the tenant's next key and has it wrap the data keys in the place of the present one, which is gone \
                   then. Nothing has to be sealed anew, and everything can be read at every moment. Needs \
                   `tenant_key.rotate` and a factor shown of late.",
    params(DryRun, Once),
    responses((status = 200, description = "The keys", body = TenantKeysView), Refusals),
    security(("bearer" = [])),
)]
#[post("/tenant/keys:rotate")]
pub async fn rotate_tenant_keys(ask: Change<tenant_key::Rotate>, identity: Data<Identity>) -> Outcome<TenantKeysView> {
    // The provider of keys may be far away, so it is asked before the transaction; what it was asked about is checked inside.
    let mut tx = identity.db.read::<tenant_key::Rotate>(ask.caller()).await?;
    let tenant = tx.tenant()?;
    tx.keys().map_err(fault::Error::from)?;
    let present = store::tenant_keys::lookup(&mut tx, &tenant).await?.ok_or_else(none)?;
    drop(tx);
    let ring = identity.db.keyring().ok_or_else(none)?;
    let next = ring.rotated(&present).await.map_err(fault::Error::from)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let before = TenantKeysView::of(tenant.id, store::tenant_keys::list(&mut tx, &tenant).await?);
    if !store::tenant_keys::replace(&mut tx, &tenant, &present, &next).await? {
        let detail = "The tenant's keys are being changed by somebody else right now; try again.";
        return Err(fault::Error::conflict(detail).retry_after(1).into());
    }
    let after = TenantKeysView::of(tenant.id, store::tenant_keys::list(&mut tx, &tenant).await?);

    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use crypto::{Place, Purpose};
    use futures::future::join_all;
    use ids::TenantId;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/tenant/keys:rotate";

    fn place(tenant: TenantId) -> Place<'static> {
        Place {
            tenant,
            table: "t",
            column: "c",
            row: "r",
        }
    }

    #[tokio::test]
    async fn t22_a_new_tenant_key_opens_all_that_the_old_one_did() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let db = test.bench.db("identity");
        let sealed = db
            .keys(acme.id)
            .await
            .unwrap()
            .seal(Purpose::Audit, &place(acme.id), b"x")
            .unwrap();
        let old = test.bench.dump("keys.tenant_keys").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let tried = owner.post(&format!("{PATH}?dry_run=true"), json!({})).await.expect(200);
        assert_eq!(tried.json["version"], 2);
        assert_eq!(
            test.bench.dump("keys.tenant_keys").await,
            old,
            "a dry run changes nothing"
        );

        let rotated = owner.post_once(PATH, "once", json!({})).await.expect(200);
        assert_eq!(rotated.json["version"], 2);
        let again = owner.post_once(PATH, "once", json!({})).await.expect(200);
        assert_eq!(again.json["version"], 2, "a repeat is answered as the first");
        assert!(
            test.bench
                .dump("keys.data_keys")
                .await
                .lines()
                .all(|row| row.contains(",2,"))
        );
        for round in 0..2 {
            test.bench.keyring.forget(acme.id);
            let keys = db.keys(acme.id).await.unwrap();
            assert_eq!(
                keys.open(&place(acme.id), &sealed).unwrap().as_slice(),
                b"x",
                "round {round}"
            );
        }
        let log = test.bench.audit(acme.id).await;
        assert!(log.contains(&("tenant_key.rotate".to_owned(), "success".to_owned())));
        test.client
            .caller(&acme.caller(Role::Auditor))
            .post(PATH, json!({}))
            .await
            .expect(403);
    }

    #[tokio::test]
    async fn of_many_who_rotate_at_once_each_gives_a_key_or_a_conflict() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let db = test.bench.db("identity");
        let sealed = db
            .keys(acme.id)
            .await
            .unwrap()
            .seal(Purpose::Audit, &place(acme.id), b"x")
            .unwrap();
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let replies = join_all((0..12).map(|_| owner.post(PATH, json!({})))).await;
        let done = replies.iter().filter(|reply| reply.status == 200).count();
        assert!(done >= 1 && replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())));
        let seen = owner.get("/api/v1/tenant/keys").await.expect(200);
        assert_eq!(seen.json["version"], json!(1 + done));
        test.bench.keyring.forget(acme.id);
        let keys = db.keys(acme.id).await.unwrap();
        assert_eq!(keys.open(&place(acme.id), &sealed).unwrap().as_slice(), b"x");
    }
}
