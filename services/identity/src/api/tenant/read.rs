use actix_web::get;
use actix_web::web::Data;
use auth::action::tenant;
use web::{Found, Read, Refusals};

use super::TenantView;
use crate::state::Identity;
use crate::store;

/// Reads the caller's tenant.
#[utoipa::path(
    operation_id = "read_tenant",
    tag = "tenant",
    description = "What the tenant is called, for everybody in it.",
    responses((status = 200, description = "The tenant", body = TenantView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/tenant")]
pub async fn read_tenant(ask: Read<tenant::Read>, identity: Data<Identity>) -> Result<Found<TenantView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let record = store::tenants::own(&mut tx, &tenant).await?;

    Ok(Found(TenantView::from(record)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn everybody_reads_their_own_and_nobody_elses() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.bench.tenant("byte").await;
        let viewer = test.client.caller(&acme.caller(Role::Viewer));
        let seen = viewer.get("/api/v1/tenant").await.expect(200);
        assert_eq!(
            (&seen.json["name"], &seen.json["id"]),
            (&json!("acme"), &json!(acme.id))
        );
        assert!(seen.header("ETag").starts_with('"'));
    }
}
