//! The same from the platform's side: an operator asks to be let into a tenant's content, and gives it back.

pub mod end;
pub mod list;
pub mod request;

use auth::Action;
use db::{Change, Changed, Granted, Platform, Reason};
use ids::TenantId;

use super::operator_access::{OfAccess, OperatorAccessView};
use crate::access::Access;
use crate::state::Identity;
use crate::store;

fn not_found() -> fault::Error {
    fault::Error::not_found("operator access")
}

impl OfAccess {
    /// Whose content the access is to: operators name it by its id alone.
    pub(super) async fn tenant(&self, identity: &Identity) -> Result<TenantId, fault::Error> {
        let mut tx = identity.db.system(Reason::Operator).await?;
        let tenant = store::operator_access::tenant_of(&mut tx, self.access).await?;
        tenant.ok_or_else(not_found)
    }

    /// The access, held until the commit.
    pub(super) async fn hold_in<A: Action>(
        &self,
        tx: &mut Change<A>,
        platform: &Granted<Platform, A>,
        tenant: TenantId,
    ) -> Result<Access, fault::Error> {
        let held = store::operator_access::hold_any(tx, platform, (tenant, self.access)).await?;
        held.ok_or_else(not_found)
    }
}

/// What a decision of the platform's has made of an access.
pub(super) fn changed(before: &Access, after: &Access) -> Changed<OperatorAccessView> {
    Changed(
        OperatorAccessView::from_outside(before),
        OperatorAccessView::from_outside(after),
    )
}
