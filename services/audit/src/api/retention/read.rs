use actix_web::get;
use actix_web::web::Data;
use auth::action::audit_retention;
use web::{Found, Read, Refusals};

use super::AuditRetentionView;
use crate::state::Audit;
use crate::store;

/// Reads how long the audit log keeps what its entries tell.
#[utoipa::path(
    operation_id = "read_audit_retention",
    tag = "audit",
    description = "365 days, as long as the tenant has decided nothing else. Needs `audit_retention.read`.",
    responses(
        (status = 200, description = "What is decided", body = AuditRetentionView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/retention")]
pub async fn read_audit_retention(
    ask: Read<audit_retention::Read>,
    audit: Data<Audit>,
) -> Result<Found<AuditRetentionView>, fault::Error> {
    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let retention = store::retention::read(&mut tx, &tenant).await?;
    Ok(Found(AuditRetentionView::of(&mut tx, &tenant, retention).await?))
}
