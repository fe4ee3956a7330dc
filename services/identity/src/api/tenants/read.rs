use actix_web::get;
use actix_web::web::{Data, Json, Path};
use auth::action::tenant_record;
use db::Reason;
use web::{Read, Refusals};

use super::{OfTenant, TenantRecordView};
use crate::state::Identity;
use crate::store;

/// Reads a tenant.
#[utoipa::path(
    operation_id = "read_tenant_record",
    tag = "tenants",
    description = "One tenant, by id or name: its names and numbers, nothing of what is in it. Needs `tenant_record.read`, which \
                   platform operators have. The reading is in the platform's log.",
    params(("tenant" = String, Path, description = "Id or name", example = "acme")),
    responses((status = 200, description = "The tenant", body = TenantRecordView), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/tenants/{tenant}")]
pub async fn read_tenant_record(
    ask: Read<tenant_record::Read>,
    path: Path<OfTenant>,
    identity: Data<Identity>,
) -> Result<Json<TenantRecordView>, fault::Error> {
    let platform = ask.begin(&identity.db).await?.platform()?;

    let mut tx = identity.db.system(Reason::Operator).await?;
    let found = store::tenants::record(&mut tx, &platform, &path.tenant).await?;
    let found = found.ok_or_else(|| fault::Error::not_found("tenant"))?;
    drop(tx);
    let object = format!("tenant:{}", found.tenant_id);
    identity
        .db
        .record::<tenant_record::Read>(ask.caller(), object, serde_json::json!({}))
        .await?;
    Ok(Json(found.into()))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::TenantId;

    use crate::testing::start;

    #[tokio::test]
    async fn by_id_and_by_name_it_is_the_same() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.client.caller(&acme.caller(Role::PlatformOperator));
        let read = async |name: String| operator.get(&format!("/api/v1/system/tenants/{name}")).await;
        let by_name = read("acme".to_owned()).await.expect(200).text;
        assert_eq!(by_name, read(acme.id.to_string()).await.expect(200).text);
        let log = test.audit(&acme).await;
        assert_eq!(log, vec![("tenant_record.read".to_owned(), "success".to_owned()); 2]);
        read("nobody".to_owned()).await.expect(404);
        read(TenantId::mint().to_string()).await.expect(404);
        let owner = test.client.caller(&acme.caller(Role::Owner));
        owner
            .get(&format!("/api/v1/system/tenants/{}", acme.id))
            .await
            .expect(403);
    }
}
