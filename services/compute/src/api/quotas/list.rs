use actix_web::get;
use actix_web::web::Data;
use auth::action::quota;
use web::{Page, Read, Refusals};

use super::QuotaView;
use crate::quota::Quota;
use crate::state::Compute;
use crate::store;

/// Reads the tenant's quota.
#[utoipa::path(
    operation_id = "list_quotas",
    tag = "quotas",
    description = "What the caller's tenant may use and uses, by resource. Always one page.",
    responses((status = 200, description = "Every resource", body = Page<QuotaView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/quotas")]
pub async fn list_quotas(ask: Read<quota::Read>, compute: Data<Compute>) -> Result<Page<QuotaView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    let tenant = tx.tenant()?;

    let quota = store::quotas::lookup(&mut tx, &tenant).await?;
    let quota = quota.unwrap_or_else(|| Quota::untouched(compute.settings.quota));
    Ok(Page {
        items: QuotaView::all(&quota),
        next_page: None,
    })
}
