use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::audit_hold;
use db::{Changed, Outcome, Status};
use fault::Kind;
use web::{Change, DryRun, Once, Refusals};

use super::{AuditHoldView, OfHold};
use crate::state::Audit;
use crate::store;

/// Lifts a legal hold.
#[utoipa::path(
    operation_id = "lift_audit_hold",
    tag = "audit",
    description = "Where no other is on, what is older than the tenant keeps it is erased from then on. 409 when it was lifted \
                   before. Needs `audit_hold.lift` and a factor shown of late.",
    params(
        ("hold" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "It is lifted", body = AuditHoldView), Refusals),
    security(("bearer" = [])),
)]
#[post("/audit/holds/{hold}:lift")]
pub async fn lift_audit_hold(
    ask: Change<audit_hold::Lift>,
    path: Path<OfHold>,
    audit: Data<Audit>,
) -> Outcome<AuditHoldView> {
    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    let held = store::retention::hold_one(&mut tx, &tenant, path.hold).await?;
    let held = held.ok_or_else(|| fault::Error::not_found("hold"))?;
    if held.lifted.is_some() {
        return Err(fault::Error::new(Kind::Conflict, "The hold was lifted before.").into());
    }

    let lifted = store::retention::lift(&mut tx, &tenant, held.id).await?;

    tx.finish(Status::Ok, Changed(held.into(), AuditHoldView::from(lifted)))
        .await
}
