use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::host;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{HostView, InHost};
use crate::state::Compute;
use crate::store;

/// Removes a host.
#[utoipa::path(
    operation_id = "delete_host",
    tag = "hosts",
    description = "Forgets a host with nothing on it; its certificate opens nothing from then on. Send the `ETag` \
                   last read as `If-Match`. Needs `host.delete`.",
    params(
        ("host" = String, Path, description = "Id or name", example = "rack-3-7"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 200, description = "Dry run: what would be removed", body = HostView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/system/hosts/{host}")]
pub async fn delete_host(ask: Change<host::Delete>, path: Path<InHost>, compute: Data<Compute>) -> Outcome<HostView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let host = store::hosts::hold(&mut tx, &path.host).await?;
    let gone = HostView::from(&host);
    tx.must_match(&gone)?;

    if !store::hosts::remove(&mut tx, &platform, &host).await? {
        return Err(fault::Error::conflict("Machines are placed on this host; remove or move them first.").into());
    }

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{session, start};

    #[tokio::test]
    async fn t53_its_certificate_opens_nothing_from_then_on() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        operator.delete_if("/api/v1/system/hosts/one", "*").await.expect(204);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(401);
        let again = json!(host.enrol);
        machine.post("/api/v1/hypervisor/enrol", again).await.expect(401);
        assert!(
            test.audit(&tenant)
                .await
                .contains(&("host.delete".to_owned(), "success".to_owned()))
        );
    }

    #[tokio::test]
    async fn only_who_read_the_present_state_may_remove_it() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.host(&operator, "fast", "one").await;
        let path = "/api/v1/system/hosts/one";
        let read = operator.get(path).await.expect(200);
        let changed = operator
            .patch(path, read.header("etag"), json!({"state": "maintenance"}))
            .await
            .expect(200);
        operator.delete(path).await.expect(428);
        operator.delete_if(path, read.header("etag")).await.expect(412);
        operator.delete_if(path, changed.header("etag")).await.expect(204);
    }

    #[tokio::test]
    async fn machines_hold_their_host() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.host(&operator, "fast", "one").await;
        test.superuser("update compute.hosts set vcpus_used = 1").await;
        assert_eq!(
            operator
                .delete_if("/api/v1/system/hosts/one", "*")
                .await
                .expect(409)
                .code(),
            "conflict"
        );
        operator.delete_if("/api/v1/system/hosts/none", "*").await.expect(404);
    }
}
