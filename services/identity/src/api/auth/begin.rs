//! The end of every way to sign in: the session.

use auth::Action;
use auth::action::session;
use db::{AuditEvent, AuditOutcome, SystemTx};
use ids::SessionId;
use serde_json::json;
use web::Origin;

use super::newcomer::{self, Newcomer};
use crate::guess;
use crate::refresh::{Family, RefreshToken};
use crate::session::Session;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;
use crate::store::sessions::Begun;

/// Begins a session of somebody who has shown all they must; the log is told in the same commit.
pub(in crate::api::auth) async fn begin(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    who: &Newcomer,
    methods: &[Method],
) -> Result<(Session, RefreshToken), fault::Error> {
    let (now, id, tenant) = (tx.now(), SessionId::mint(), who.tenant);
    let (family, family_key) = Family::begin(&tx.keys(tenant)?, tenant, id)?;
    let token = family.first();
    let lives = who.lifetimes(identity.lifetimes);
    let password_due = who.password_is_due(now);
    let ends_at = now + lives.most;
    let session = Session {
        tenant,
        id,
        user: who.user,
        client: None,
        family_key,
        token_hash: token.hash().to_vec(),
        previous: None,
        expires_at: lives.expires(now, ends_at),
        ends_at,
        over: false,
        owes: who.owes(methods, password_due),
    };
    let begun = Begun {
        from: origin,
        methods,
        proven: !who.has_stronger(methods),
        password_due,
    };
    let (lookup, network) = (identity.lookup.held()?, guess::network(origin.address));
    store::people::remember_address(tx, lookup, (tenant, who.user), &network).await?;
    store::sessions::insert(tx, &session, &begun).await?;

    let caller = newcomer::caller(origin, (tenant, who.user));
    let (action, object) = (session::Create::INFO.name, format!("session:{id}"));
    let entry = AuditEvent::of(&caller, now, action, object, AuditOutcome::Success, json!({}));
    tx.record(tenant, &entry)?;
    Ok((session, token))
}
