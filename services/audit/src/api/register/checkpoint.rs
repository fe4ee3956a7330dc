use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::audit;
use web::{Found, Read, Refusals};

use crate::api::checkpoints::{CheckpointView, OfSize};
use crate::api::heads;
use crate::state::Audit;

/// Reads a checkpoint of the register of all logs.
#[utoipa::path(
    operation_id = "read_audit_register_checkpoint",
    tag = "audit",
    description = "The register's checkpoint of this size, or the latest: keep it, and nothing that was in the register by then \
                   can change unseen, of no log. 404 where none was signed at this size. Needs `audit.read`.",
    params(("size" = String, Path, description = "How many leaves it covers, or `latest`", example = "latest")),
    responses(
        (status = 200, description = "The checkpoint", body = CheckpointView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/register/checkpoints/{size}")]
pub async fn read_audit_register_checkpoint(
    ask: Read<audit::Read>,
    path: Path<OfSize>,
    audit: Data<Audit>,
) -> Result<Found<CheckpointView>, fault::Error> {
    let size = path.parse()?;
    ask.begin(&audit.db).await?.tenant()?;

    let signed = heads::signed(&audit, size).await?;
    let signed = signed.ok_or_else(|| fault::Error::not_found("checkpoint"))?;
    Ok(Found(CheckpointView::of(signed)))
}
