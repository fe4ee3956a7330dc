use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::audit;
use ids::IdOrName;
use web::{Found, Read, Refusals};

use super::{AuditEventView, OfLog};
use crate::state::Audit;
use crate::store;

/// Reads an entry of the audit log.
#[utoipa::path(
    operation_id = "read_audit_event",
    tag = "audit",
    description = "One entry of the tenant's audit log, by id or number. Needs `audit.read`. Reading it is itself recorded.",
    params(("event" = String, Path, description = "Id or number", example = "17")),
    responses(
        (status = 200, description = "The entry", body = AuditEventView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/events/{event}")]
pub async fn read_audit_event(
    ask: Read<audit::Read>,
    path: Path<OfLog>,
    audit: Data<Audit>,
) -> Result<Found<AuditEventView>, fault::Error> {
    let (id, seq) = match &path.event {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(text) => (None, text.parse().ok()),
    };

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    let entry = store::events::lookup(&mut tx, &tenant, id, seq).await?;
    let entry = entry.ok_or_else(|| fault::Error::not_found("audit event"))?;
    let opened = entry.open(tx.keys())?;
    // Its transaction ends before another begins: two of one request could wait for each other's connection.
    drop(tx);

    let object = format!("audit:{}", entry.seq);
    audit
        .readings
        .record::<audit::Read>(&audit.db, ask.caller(), object, serde_json::json!({}))
        .await?;
    Ok(Found(AuditEventView::of(entry, opened)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use ids::EventId;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_found_by_number_and_by_id_and_the_reading_is_recorded() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
        test.holds(&tenant, 1).await;
        let owner = test.owner(&tenant);
        let by_number = owner.get("/api/v1/audit/events/1").await.expect(200);
        let id = by_number.json["id"].as_str().unwrap();
        let by_id = owner.get(&format!("/api/v1/audit/events/{id}")).await.expect(200);
        assert_eq!(by_id.json, by_number.json);
        let again = owner.request(reqwest::Method::GET, "/api/v1/audit/events/1");
        owner
            .send(again.header("if-none-match", by_id.header("etag")))
            .await
            .expect(304);
        let last = test.bench.audit(tenant.id).await.pop().unwrap();
        assert_eq!(last, ("audit.read".to_owned(), "success".to_owned()));
    }

    #[tokio::test]
    async fn t01_anothers_entry_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.holds(&theirs, 1).await;
        let entry = test.owner(&theirs).get("/api/v1/audit/events/1").await.expect(200);
        let me = test.owner(&mine);
        // By number before any other request: a refused reading is itself the first entry of its reader's log.
        me.get("/api/v1/audit/events/1").await.expect(404);
        let foreign = format!("/api/v1/audit/events/{}", entry.json["id"].as_str().unwrap());
        let foreign = me.get(&foreign).await.expect(404);
        let absent = me
            .get(&format!("/api/v1/audit/events/{}", EventId::mint()))
            .await
            .expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        for junk in ["0", "-1", "x", "99999999999999999999"] {
            me.get(&format!("/api/v1/audit/events/{junk}")).await.expect(404);
        }
    }

    #[tokio::test]
    async fn a_viewer_may_not() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.client
            .caller(&tenant.caller(Role::Viewer))
            .get("/api/v1/audit/events/1")
            .await
            .expect(403);
    }
}
