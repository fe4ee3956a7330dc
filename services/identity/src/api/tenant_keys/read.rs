use actix_web::get;
use actix_web::web::Data;
use auth::action::tenant_key;
use web::{Found, Read, Refusals};

use super::TenantKeysView;
use crate::state::Identity;
use crate::store;

/// Reads what there is to know of the tenant's keys.
#[utoipa::path(
    operation_id = "read_tenant_keys",
    tag = "tenant-keys",
    description = "Everything sealed of a tenant hangs on the tenant's own key: it wraps data keys, one for each purpose at a \
                   time, which come of age by messages and days. No key is shown. Needs `tenant_key.read`.",
    responses((status = 200, description = "The keys", body = TenantKeysView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/tenant/keys")]
pub async fn read_tenant_keys(
    ask: Read<tenant_key::Read>,
    identity: Data<Identity>,
) -> Result<Found<TenantKeysView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let keys = store::tenant_keys::list(&mut tx, &tenant).await?;

    Ok(Found(TenantKeysView::of(tenant.id, keys)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_auditor_sees_which_keys_there_are_and_none_of_them() {
        let test = start().await;
        let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
        let auditor = test.client.caller(&acme.caller(Role::Auditor));
        let seen = auditor.get("/api/v1/tenant/keys").await.expect(200);
        assert_eq!(
            (&seen.json["version"], &seen.json["tenant_id"]),
            (&json!(1), &json!(acme.id))
        );
        let keys = seen.json["data_keys"].as_array().unwrap();
        assert_eq!(keys.len(), 6);
        assert!(
            keys.iter().all(|key| key["state"] == "current" && key["epoch"] == 1),
            "{keys:?}"
        );
        assert_eq!(seen.json["provider"], "file", "and not whose file");
        assert!(
            keys.iter()
                .all(|key| key["due_at"].as_str() > key["created_at"].as_str() || key["purpose"] == "index"),
            "{keys:?}"
        );
        assert!(!seen.text.contains("wrapped"));
        let admin = test.client.caller(&acme.caller(Role::Admin));
        admin.get("/api/v1/tenant/keys").await.expect(403);
        let theirs = test.client.caller(&byte.caller(Role::Owner));
        let theirs = theirs.get("/api/v1/tenant/keys").await.expect(200);
        assert_eq!(theirs.json["tenant_id"], json!(byte.id), "t01");
    }
}
