use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::host;
use web::{Found, Read, Refusals};

use super::{HostView, InHost};
use crate::service::Compute;
use crate::store;

/// Reads a host.
#[utoipa::path(
    operation_id = "read_host",
    tag = "hosts",
    description = "One host, by id or name. The `ETag` follows what operators decide, not what the host reports. Needs \
                   `host.read`: platform operators only.",
    params(("host" = String, Path, description = "Id or name", example = "rack-3-7")),
    responses((status = 200, description = "The host", body = HostView), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/hosts/{host}")]
pub async fn read_host(
    ask: Read<host::Read>,
    path: Path<InHost>,
    compute: Data<Compute>,
) -> Result<Found<HostView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    tx.platform()?;

    let host = store::hosts::lookup(&mut tx, &path.host).await?;
    Ok(Found(HostView::from(&host)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn a_host_that_never_spoke_is_unknown() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        let host = test.host(&operator, "fast", "one").await;
        let read = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(read.json["id"], json!(host.id));
        assert_eq!(
            (&read.json["status"], &read.json["usage"]),
            (&json!("unknown"), &json!(null))
        );
        assert_eq!(
            (&read.json["simulated"], &read.json["pool"]),
            (&json!(true), &json!("fast"))
        );
        assert_ne!(read.json["alias"], read.json["name"]);
        assert!(
            !read.text.contains(&host.fingerprint),
            "the credential's name is nobody's business"
        );
    }

    #[tokio::test]
    async fn what_is_not_there_and_who_may_not_know() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        test.operator(&tenant)
            .get("/api/v1/system/hosts/none")
            .await
            .expect(404);
        test.client
            .caller(&tenant.caller(Role::Admin))
            .get("/api/v1/system/hosts/none")
            .await
            .expect(403);
    }
}
