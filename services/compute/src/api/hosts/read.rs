use actix_web::http::header::ETAG;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use auth::action::host;
use db::Subject;
use web::{Read, Refusals};

use super::{HostView, InHost};
use crate::state::Compute;
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
) -> Result<HttpResponse, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    tx.platform()?;

    let host = store::hosts::lookup(&mut tx, &path.host).await?;
    // Never 304: the tag is for changing the host, and what it reports changes without it.
    let view = HostView::from(&host);
    let tag = (ETAG, view.etag().unwrap_or_default());
    Ok(HttpResponse::Ok().insert_header(tag).json(view))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{session, start};

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
    async fn who_has_seen_it_is_told_what_it_reports_now() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let first = operator.get("/api/v1/system/hosts/one").await.expect(200);
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let again = operator.request(reqwest::Method::GET, "/api/v1/system/hosts/one");
        let again = operator
            .send(again.header("if-none-match", first.header("etag")))
            .await
            .expect(200);
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(
            (&first.json["status"], &again.json["status"]),
            (&json!("unknown"), &json!("up"))
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
