//! From whom a provider vouches for to somebody of the tenant, and on to a session.

use auth::action::{external_identity, group_member, session};
use auth::{Action, Caller, Info};
use crypto::LookupKey;
use db::{AuditEvent, AuditOutcome, SystemTx};
use fault::Kind;
use ids::{ExternalIdentityId, GroupId, TenantId, UserId};
use serde_json::json;
use web::Origin;

use super::refused;
use crate::api::auth::MfaRequired;
use crate::api::auth::begin::begin;
use crate::api::auth::newcomer::{self, Newcomer};
use crate::guess;
use crate::oidc::Vouched;
use crate::person::{DisplayName, Email};
use crate::provider::Provider;
use crate::refresh::RefreshToken;
use crate::session::Session;
use crate::signin::challenge::Challenge;
use crate::signin::{Due, Event, State};
use crate::state::Identity;
use crate::store;
use crate::store::external_identities::Made;

/// How far a provider's word leads.
pub(super) enum Settled {
    In(Box<Session>, RefreshToken),
    Half(MfaRequired),
}

/// Why somebody a provider vouches for does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// They may not sign in any more.
    Disabled,
    /// Nobody here is they, and nobody is made.
    Unknown,
    /// Nobody can be made without an address.
    NoAddress,
    /// The address is somebody's, and may be theirs or not.
    AddressTaken,
}

impl Turned {
    /// For the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unknown => "unknown_subject",
            Self::NoAddress => "no_address",
            Self::AddressTaken => "address_taken",
        }
    }
}

impl From<Turned> for fault::Error {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Disabled => refused(),
            Turned::Unknown => Self::new(
                Kind::Forbidden,
                "Nobody here is linked to this account of the provider: sign in as before and link it, or be invited.",
            ),
            Turned::NoAddress => Self::new(
                Kind::Forbidden,
                "The provider tells no e-mail address that it has confirmed, and nobody is made here without one.",
            ),
            Turned::AddressTaken => Self::new(
                Kind::Conflict,
                "Somebody here has this e-mail address. If it is you, sign in as before and link the provider.",
            ),
        }
    }
}

/// Moves the sign-in as far as the provider's word leads; the log is told in the same commit.
pub(super) async fn settle(
    identity: &Identity,
    origin: &Origin,
    provider: &Provider,
    vouched: &Vouched,
) -> Result<Result<Settled, Turned>, fault::Error> {
    identity.at_the_door(provider.tenant).await?;
    let mut tx = identity.begin_sign_in().await?;
    let lookup = identity.lookup.held()?;
    // While it was asked, it may have been switched off, or be believed less.
    let now_is = store::identity_providers::returning(&mut tx, provider.tenant, provider.id).await?;
    let provider = &now_is.ok_or_else(super::refused)?;
    let found = whoever(&mut tx, provider, vouched, lookup).await?;
    let now = tx.now();
    let factor = provider.trust.covers(vouched.acr.as_deref(), &vouched.amr);
    let right = found.is_ok();
    let state = State::Nobody
        .next(Event::Provider { right, factor }, now)
        .map_err(fault::Error::internal)?;
    let (link, user) = match found {
        Ok(found) => found,
        Err(turned) => return Ok(Err(turned)),
    };
    let person = (provider.tenant, user);
    follow_groups(&mut tx, provider, vouched, user).await?;
    store::external_identities::touch(&mut tx, provider.tenant, link).await?;

    let who = Newcomer::lookup(&mut tx, person).await?;
    let state = if matches!(state, State::Known(_)) {
        state.next(who.found(), now).map_err(fault::Error::internal)?
    } else {
        state
    };
    let settled = match state {
        State::Authenticated(methods) | State::Enrolling(methods) => {
            let (session, token) = begin(&mut tx, identity, origin, &who, &methods).await?;
            // Not when they came, but when they last proved there who they are; not told, it is no proof of late.
            let proven = vouched.proven_at.map(|at| at.min(now));
            store::sessions::proven_elsewhere(&mut tx, &session, proven).await?;
            Settled::In(Box::new(session), token)
        }
        State::Due(due) => Settled::Half(challenge(&mut tx, origin, person, (link, &due)).await?),
        State::Nobody | State::Known(_) | State::Over => return Err(fault::Error::internal("a sign-in went astray")),
    };
    tx.commit().await?;
    Ok(Ok(settled))
}

/// Who of the tenant that is; somebody new, where the provider may make people.
async fn whoever(
    tx: &mut SystemTx,
    provider: &Provider,
    vouched: &Vouched,
    lookup: &LookupKey,
) -> Result<Result<(ExternalIdentityId, UserId), Turned>, fault::Error> {
    if let Some(known) = known(tx, provider, vouched, lookup).await? {
        return Ok(known);
    }
    if !provider.create_users {
        return Ok(Err(Turned::Unknown));
    }
    let Some(email) = vouched.email.as_deref().and_then(|text| Email::check("", text).ok()) else {
        return Ok(Err(Turned::NoAddress));
    };
    let usual = email.local_part();
    let name = DisplayName::check("", vouched.name.as_deref(), usual).or_else(|_| DisplayName::check("", None, usual));
    let name = name.map_err(|_| fault::Error::internal("a local part is no name"))?;
    let new = (&email, &name);
    match store::external_identities::insert_with_user(tx, provider, &vouched.subject, new, lookup).await? {
        Made::New(link, user) => {
            let object = format!("user:{user}");
            record(tx, provider, external_identity::Create::INFO, object, None)?;
            Ok(Ok((link, user)))
        }
        // Of two first sign-ins at once, the other may have taken it.
        Made::AddressTaken => Ok(known(tx, provider, vouched, lookup)
            .await?
            .unwrap_or(Err(Turned::AddressTaken))),
        Made::Overtaken => Err(fault::Error::conflict(
            "Another sign-in of yours was faster; begin anew.",
        )),
    }
}

async fn known(
    tx: &mut SystemTx,
    provider: &Provider,
    vouched: &Vouched,
    lookup: &LookupKey,
) -> Result<Option<Result<(ExternalIdentityId, UserId), Turned>>, fault::Error> {
    let known = store::external_identities::known(tx, provider, &vouched.subject, lookup).await?;
    Ok(known.map(|(link, user, enabled)| {
        if enabled {
            Ok((link, user))
        } else {
            Err(Turned::Disabled)
        }
    }))
}

/// Puts them into the groups that the rules give them, and out of those that rules gave before.
async fn follow_groups(
    tx: &mut SystemTx,
    provider: &Provider,
    vouched: &Vouched,
    user: UserId,
) -> Result<(), fault::Error> {
    let values = provider
        .groups_claim
        .as_deref()
        .map(|claim| vouched.values(claim))
        .unwrap_or_default();
    let rules = store::identity_providers::rules_at_sign_in(tx, provider).await?;
    let meant = rules
        .iter()
        .filter(|rule| rule.value.is_empty() || values.contains(&rule.value));
    let groups: Vec<GroupId> = meant.map(|rule| rule.group).collect();
    let (came, went) = store::mapped_groups::follow(tx, provider, user, &groups).await?;
    for (group, action) in came
        .iter()
        .map(|group| (group, group_member::Create::INFO))
        .chain(went.iter().map(|group| (group, group_member::Delete::INFO)))
    {
        record(tx, provider, action, format!("group:{group}"), Some(user))?;
    }
    Ok(())
}

/// What a provider's word has changed.
fn record(
    tx: &mut SystemTx,
    provider: &Provider,
    action: &Info,
    object: String,
    member: Option<UserId>,
) -> Result<(), fault::Error> {
    let member = member.map(|user| format!("user:{user}"));
    let changes = json!({"identity_provider": provider.id, "member": member});
    let caller = Caller::worker(provider.tenant, "identity-providers");
    let entry = AuditEvent::of(&caller, tx.now(), action.name, object, AuditOutcome::Success, changes);
    tx.record(provider.tenant, &entry)
}

async fn challenge(
    tx: &mut SystemTx,
    origin: &Origin,
    (tenant, user): (TenantId, UserId),
    (link, due): (ExternalIdentityId, &Due),
) -> Result<MfaRequired, fault::Error> {
    let challenge = Challenge::make(tenant);
    let network = guess::network(origin.address);
    store::challenges::insert_external(tx, &challenge, (user, link), &network, due.until).await?;

    let caller = newcomer::caller(origin, (tenant, user));
    let (action, object) = (session::Challenge::INFO.name, format!("user:{user}"));
    let entry = AuditEvent::of(&caller, tx.now(), action, object, AuditOutcome::Success, json!({}));
    tx.record(tenant, &entry)?;
    Ok(MfaRequired::of(&challenge, due))
}
