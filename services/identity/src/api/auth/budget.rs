//! What stands between a guesser and a password or code: see `guess`.

use auth::Action;
use auth::action::session;
use chrono::TimeDelta;
use db::SystemTx;
use fault::Kind;
use ids::{TenantId, UserId};
use web::Origin;

use super::record_refusal;
use crate::guess::{self, Budget};
use crate::state::Identity;
use crate::store;

/// The answer to whom no guess is left. What they tried must be rolled back: what is refused costs nothing, so one guesser
/// cannot spend what all share. The log hears of an exhausted budget once in a while, or its reader would be the one who is
/// flooded.
pub(super) async fn slow_down(
    identity: &Identity,
    origin: &Origin,
    (tenant, object): (TenantId, String),
    (budget, wait): (&Budget, TimeDelta),
) -> Result<fault::Error, fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    if store::guesses::tell(&mut tx, identity.lookup.held()?, budget).await? {
        let what = (object, Kind::TooManyRequests.row().code);
        record_refusal(&mut tx, tenant, origin, session::Create::INFO, what)?;
    }
    tx.commit().await?;
    Ok(too_many(wait, SIGN_INS))
}

/// What is said to whom no sign-in is left.
pub(super) const SIGN_INS: &str = "Too many failed sign-ins; wait as long as Retry-After says.";

/// The answer to whom nothing is left of a budget for so long.
pub fn too_many(wait: TimeDelta, detail: &'static str) -> fault::Error {
    let seconds = u32::try_from(wait.num_seconds() + 1).unwrap_or(1);
    fault::Error::new(Kind::TooManyRequests, detail).retry_after(seconds)
}

/// The budgets of somebody who is known and shows more.
pub(super) async fn of_proofs(
    tx: &mut SystemTx,
    identity: &Identity,
    person: (TenantId, UserId),
    network: &str,
) -> Result<Vec<Budget>, fault::Error> {
    let known = store::people::knows(tx, identity.lookup.held()?, person, network).await?;
    Ok(guess::proof_budgets(&identity.guesses, person.1, network, known))
}

/// Pays for one proof by a caller before it is looked at: fifty at once pay fifty times.
pub(in crate::api) async fn pay(
    identity: &Identity,
    caller: &auth::Caller,
    user: UserId,
) -> Result<Vec<Budget>, fault::Error> {
    let network = guess::network(caller.address());
    let mut tx = identity.begin_sign_in().await?;
    let budgets = of_proofs(&mut tx, identity, (caller.tenant(), user), &network).await?;
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        // Rolled back; the refusal is recorded as any caller's is.
        return Err(too_many(wait, SIGN_INS));
    }
    tx.commit().await?;
    Ok(budgets)
}

/// The proof was right.
pub(in crate::api) async fn refund(identity: &Identity, budgets: &[Budget]) -> Result<(), fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    store::guesses::give_back(&mut tx, identity.lookup.held()?, budgets).await?;
    Ok(tx.commit().await?)
}
