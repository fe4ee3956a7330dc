//! The end of every way to sign in: the session.

use auth::action::session;
use auth::{Action, Caller, Principal};
use db::{AuditEvent, AuditOutcome, SystemTx};
use ids::{SessionId, TenantId, UserId};
use serde_json::json;
use web::Origin;

use crate::guess;
use crate::refresh::{Family, RefreshToken};
use crate::session::Session;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// Begins a session of somebody who has shown all they must; the log is told in the same commit.
pub(in crate::api::auth) async fn begin(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    (tenant, user): (TenantId, UserId),
    methods: &[Method],
) -> Result<(Session, RefreshToken), fault::Error> {
    let (now, id) = (tx.now(), SessionId::mint());
    let (family, family_key) = Family::begin(&tx.keys(tenant)?, tenant, id)?;
    let token = family.first();
    let (policy, chosen) = store::policies::of_person(tx, tenant, user).await?;
    let lives = policy.lifetimes(identity.lifetimes);
    let due = chosen.is_some_and(|chosen| policy.password.is_due(chosen, now));
    let ends_at = now + lives.most;
    let mut session = Session {
        tenant,
        id,
        user,
        client: None,
        family_key,
        token_hash: token.hash().to_vec(),
        previous: None,
        expires_at: lives.expires(now, ends_at),
        ends_at,
        over: false,
        owes: Vec::new(),
    };
    let network = guess::network(origin.address);
    store::people::remember_address(tx, tenant, user, &network).await?;
    store::sessions::insert(tx, &session, origin.address, methods, due).await?;
    if methods.iter().any(|method| method.is_weaker()) && has_stronger(tx, (tenant, user)).await? {
        store::sessions::not_proven(tx, &session).await?;
    }
    store::devices::note(tx, &session, origin).await?;
    session.owes = store::sessions::owes(tx, id).await?;

    let caller = newcomer(tx, origin, (tenant, user)).await?;
    let (action, object) = (session::Create::INFO.name, format!("session:{id}"));
    let entry = AuditEvent::of(&caller, now, action, object, AuditOutcome::Success, json!({}));
    tx.record(tenant, &entry)?;
    Ok((session, token))
}

/// Has this person more than codes that are sent?
async fn has_stronger(tx: &mut SystemTx, (tenant, user): (TenantId, UserId)) -> Result<bool, fault::Error> {
    let factors = store::factors::confirmed(tx, tenant, user).await?;
    Ok(factors.iter().any(|factor| !factor.kind.is_weaker()))
}

/// Somebody who is known and has no session yet.
pub(in crate::api::auth) async fn newcomer(
    tx: &mut SystemTx,
    origin: &Origin,
    (tenant, user): (TenantId, UserId),
) -> Result<Caller, fault::Error> {
    let bindings = store::rights::bindings(tx, tenant, &Principal::User(user)).await?;
    Ok(Caller::newcomer(tenant, user, bindings, origin.address, origin.request))
}
