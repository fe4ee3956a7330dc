//! Codes by mail and SMS as the second half of a sign-in: what both share.

use auth::Action;
use auth::action::session;
use db::{AuditEvent, AuditOutcome, SystemTx};
use ids::{TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::Origin;

use super::{Factors, refused};
use crate::api::auth::newcomer;
use crate::api::auth::{budget, too_many};
use crate::api::codes::{self, SentCode, Way};
use crate::factor::sent::{Bound, Code, For, LIVES};
use crate::factor::{Factor, Kind};
use crate::guess::{self, Destination};
use crate::signin::challenge::Challenge;
use crate::signin::{Event, State};
use crate::state::Identity;
use crate::store;

/// A challenge for which a code is to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendCode {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
}

/// A code that was sent for a challenge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowSent {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
    /// The eight digits that were sent.
    #[schema(value_type = String, example = "31415926", max_length = 64)]
    pub code: SecretString,
}

/// Has a code sent for a sign-in that waits for one of this kind.
pub(super) async fn send(
    identity: &Identity,
    origin: &Origin,
    challenge: &SecretString,
    kind: Kind,
) -> Result<SentCode, fault::Error> {
    let challenge = Challenge::parse(challenge.expose_secret()).map_err(|_| refused())?;
    codes::must_be_sendable(identity, kind)?;
    let network = guess::network(origin.address);
    identity.at_the_door(challenge.tenant).await?;

    let mut tx = identity.begin_sign_in().await?;
    let pending = store::challenges::claim(&mut tx, &challenge).await?;
    let pending = pending
        .filter(|pending| pending.is_of(&challenge, &network))
        .ok_or_else(refused)?;
    let person = (challenge.tenant, pending.user);
    let has = Factors::lookup(&mut tx, person).await?;
    let now = tx.now();
    let state = pending.state(has.kinds()).next(Event::Sent(kind), now);
    let (Ok(State::Due(due)), Some(factor)) = (state, has.of(kind)) else {
        return Err(refused());
    };
    let email = store::people::email_at_sign_in(&mut tx, challenge.tenant, pending.user).await?;
    let way = Way::of(&tx.keys(challenge.tenant)?, factor, email)?;
    let budgets = way.budgets(identity, person, Destination::Proven(factor.id));
    if let Some(spent) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        drop(tx);
        let who = (challenge.tenant, format!("user:{}", pending.user));
        budget::slow_down(identity, origin, who, spent).await?;
        return Err(too_many(spent.1, codes::TOO_MANY));
    }

    let bound = bound(&challenge, factor);
    let (code, locked) = codes::made(&tx.keys(challenge.tenant)?, &bound)?;
    if !store::sent_codes::keep(&mut tx, &bound, &locked).await? {
        return Err(fault::Error::conflict(codes::ENOUGH));
    }
    store::challenges::prolong(&mut tx, &challenge, due.until).await?;
    store::errands::insert(&mut tx, &identity.kek, &way.errand(&code), LIVES).await?;
    record(&mut tx, origin, person, kind)?;
    tx.commit().await?;
    identity.errands.notify_one();
    Ok(way.sent(now))
}

const fn bound(challenge: &Challenge, factor: &Factor) -> Bound {
    Bound {
        tenant: challenge.tenant,
        user: factor.user,
        to: For::SignIn(challenge.id),
        factor: factor.id,
    }
}

fn record(
    tx: &mut SystemTx,
    origin: &Origin,
    (tenant, user): (TenantId, UserId),
    kind: Kind,
) -> Result<(), fault::Error> {
    let caller = newcomer::caller(origin, (tenant, user));
    let (action, object) = (session::Challenge::INFO.name, format!("user:{user}"));
    let told = json!({"step": "sent", "kind": kind.name()});
    let entry = AuditEvent::of(&caller, tx.now(), action, object, AuditOutcome::Success, told);
    tx.record(tenant, &entry)
}

/// Was it sent for this sign-in to this person, and not used before? If so, it is used now.
pub(super) async fn spend(
    tx: &mut SystemTx,
    challenge: &Challenge,
    (factor, code): (Option<&Factor>, &Code),
) -> Result<bool, fault::Error> {
    let Some(factor) = factor else { return Ok(false) };
    let bound = bound(challenge, factor);
    match codes::looked_at(tx, &bound, code).await? {
        Some(hash) => Ok(store::sent_codes::spend_at_sign_in(tx, &bound, hash).await?),
        None => Ok(false),
    }
}
