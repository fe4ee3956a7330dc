//! Showing a weaker factor again: for whoever has nothing stronger and need not have it.

use auth::action::session;
use auth::{Caller, Principal};
use ids::{SessionId, TenantId, UserId};

use super::wrong;
use crate::api::codes;
use crate::factor::sent::{Bound, Code, For};
use crate::factor::{Factor, Kind};
use crate::policy::Policy;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// A look at the code that waits, which was paid for.
pub(super) struct Paid {
    kind: Kind,
    bound: Bound,
    hash: [u8; 32],
}

pub(super) const fn bound(tenant: TenantId, session: SessionId, factor: &Factor) -> Bound {
    Bound {
        tenant,
        user: factor.user,
        to: For::StepUp(session),
        factor: factor.id,
    }
}

/// Pays for one look at the code that was sent to this session; none if none was. Its own commit, so that what is refused
/// afterwards is paid for.
pub(super) async fn pay(
    identity: &Identity,
    caller: &Caller,
    (user, session): (UserId, SessionId),
    code: &Code,
) -> Result<Option<Paid>, fault::Error> {
    identity.at_the_door(caller.tenant()).await?;
    let mut tx = identity.begin_sign_in().await?;
    let (_, factors, _) = codes::held(&mut tx, caller, user).await?;
    let mut paid = None;
    for factor in factors.iter().filter(|factor| factor.kind.is_weaker()) {
        let (kind, bound) = (factor.kind, bound(caller.tenant(), session, factor));
        if let Some(hash) = codes::looked_at(&mut tx, &bound, code).await? {
            paid = Some(Paid { kind, bound, hash });
        }
    }
    tx.commit().await?;
    Ok(paid)
}

/// Spends the code, if it is enough and the one that was sent.
pub(super) async fn spend(
    tx: &mut db::Change<session::StepUp>,
    (user, policy): (UserId, &Policy),
    factors: &[Factor],
    paid: Option<&Paid>,
) -> Result<Method, fault::Error> {
    let carried = store::rights::bindings_of(tx, &Principal::User(user)).await?;
    codes::must_do(policy, &carried, factors).map_err(|detail| fault::Error::invalid("/sent_code", detail))?;
    let paid = paid.ok_or_else(|| wrong("/sent_code"))?;
    if !store::sent_codes::spend(tx, &paid.bound, paid.hash).await? {
        return Err(wrong("/sent_code"));
    }
    Ok(Method::Factor(paid.kind))
}
