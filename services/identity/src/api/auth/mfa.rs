//! The second half of a sign-in: a code, or a passkey, for a challenge.

pub mod email;
pub mod recovery;
mod sent;
pub mod sms;
pub mod totp;
#[cfg(test)]
mod walk;
pub mod webauthn;

use actix_web::web::Json;
use auth::Action;
use auth::action::session;
use chrono::{DateTime, Utc};
use crypto::TenantKeys;
use db::SystemTx;
use ids::{TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use web::Origin;

use super::begin::begin;
use super::newcomer::Newcomer;
use super::passkey::{Answer, right_at_sign_in};
use super::{SignedIn, budget, record_refusal};
use crate::api::codes::typed;
use crate::factor::passkey::ceremony::Ceremony;
use crate::factor::totp::Shared;
use crate::factor::{self, Factor, Kind};
use crate::guess;
use crate::policy::Policy;
use crate::signin::challenge::Challenge;
use crate::signin::{Event, State};
use crate::state::Identity;
use crate::store;

/// A code as it was typed, and what it is meant to be; or what a device answered.
pub enum Shown {
    Webauthn(Box<Answer>),
    Totp(factor::totp::Code),
    Recovery(factor::recovery::Code),
    /// A code that was sent, to a factor of this kind.
    Sent(Kind, factor::sent::Code),
}

impl Shown {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Webauthn(_) => Kind::Webauthn,
            Self::Totp(_) => Kind::Totp,
            Self::Recovery(_) => Kind::Recovery,
            Self::Sent(kind, _) => *kind,
        }
    }

    /// An authenticator's code.
    pub fn totp(pointer: &str, text: &SecretString) -> Result<Self, fault::Error> {
        let code = factor::totp::Code::typed(text.expose_secret());
        code.map(Self::Totp)
            .ok_or_else(|| fault::Error::invalid(pointer, "must be the six digits that the authenticator shows"))
    }

    /// A recovery code.
    pub fn recovery(pointer: &str, text: &SecretString) -> Result<Self, fault::Error> {
        let code = factor::recovery::Code::typed(text.expose_secret());
        code.map(Self::Recovery)
            .ok_or_else(|| fault::Error::invalid(pointer, "must be a recovery code of 24 letters and digits"))
    }
}

impl Shown {
    /// A code that was sent.
    pub fn sent(kind: Kind, pointer: &str, text: &SecretString) -> Result<Self, fault::Error> {
        typed(pointer, text).map(|code| Self::Sent(kind, code))
    }
}

/// The second factors that somebody has.
pub(in crate::api::auth) struct Factors {
    confirmed: Vec<Factor>,
    codes: bool,
}

impl Factors {
    pub async fn lookup(tx: &mut SystemTx, (tenant, user): (TenantId, UserId)) -> Result<Self, fault::Error> {
        let policy = store::policies::at_sign_in(tx, tenant).await?;
        Self::allowed(tx, &policy, user).await
    }

    /// The same, where the tenant's rules are known.
    pub async fn allowed(tx: &mut SystemTx, policy: &Policy, user: UserId) -> Result<Self, fault::Error> {
        let mut confirmed = store::factors::confirmed(tx, policy.tenant, user).await?;
        confirmed.retain(|factor| policy.allows(factor.kind));
        let codes = !confirmed.is_empty() && store::recovery_codes::left_at_sign_in(tx, policy.tenant, user).await? > 0;
        Ok(Self { confirmed, codes })
    }

    /// Of which kinds, the strongest first; recovery codes stand in for a factor, and are none by themselves.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.confirmed.iter().map(|factor| factor.kind).collect();
        if self.codes {
            kinds.push(Kind::Recovery);
        }
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The one of this kind, of which there is one at most: a mailbox, a telephone.
    fn of(&self, kind: Kind) -> Option<&Factor> {
        self.confirmed.iter().find(|factor| factor.kind == kind)
    }

    /// All that were confirmed.
    pub fn all(&self) -> &[Factor] {
        &self.confirmed
    }
}

/// The factor whose code this is, and the code's time step.
pub fn factor_of<'a>(
    keys: &TenantKeys,
    now: DateTime<Utc>,
    factors: &'a [Factor],
    code: &factor::totp::Code,
) -> Result<Option<(&'a Factor, i64)>, fault::Error> {
    for factor in factors.iter().filter(|factor| factor.kind == Kind::Totp) {
        let shared = Shared::open(keys, factor.tenant, factor.id, &factor.sealed)?;
        if let Some(step) = shared.step_of(code, now) {
            return Ok(Some((factor, step)));
        }
    }
    Ok(None)
}

/// Whatever is wrong reads the same; what would help is the same as well.
fn refused() -> fault::Error {
    fault::Error::unauthenticated(
        "The challenge, or what was shown for it, is not good, or no longer; after five codes or minutes, sign in anew.",
    )
}

/// Takes the sign-in of `challenge` to its end with a code.
pub(super) async fn finish(
    identity: &Identity,
    origin: &Origin,
    challenge: &SecretString,
    shown: &Shown,
) -> Result<Json<SignedIn>, fault::Error> {
    let challenge = Challenge::parse(challenge.expose_secret()).map_err(|_| refused())?;
    let network = guess::network(origin.address);
    identity.at_the_door(challenge.tenant).await?;

    let mut tx = identity.begin_sign_in().await?;
    let pending = store::challenges::claim(&mut tx, &challenge).await?;
    let pending = pending
        .filter(|pending| pending.is_of(&challenge, &network))
        .ok_or_else(refused)?;
    let person = (challenge.tenant, pending.user);
    let object = format!("user:{}", pending.user);

    let has = Factors::lookup(&mut tx, person).await?;
    let (state, now) = (pending.state(has.kinds()), tx.now());
    if !state.awaits(shown.kind(), now) {
        record_refusal(
            &mut tx,
            challenge.tenant,
            origin,
            session::Create::INFO,
            (object, "not_awaited"),
        )?;
        tx.commit().await?;
        return Err(refused());
    }

    let budgets = budget::of_proofs(&mut tx, identity, person, &network).await?;
    if let Some(spent) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        drop(tx);
        return Err(budget::slow_down(identity, origin, (challenge.tenant, object), spent).await?);
    }

    let right = spend(&mut tx, identity, (person, &challenge), (&has, shown)).await?;
    let event = Event::Code {
        kind: shown.kind(),
        right: right.is_ok(),
    };
    let state = state.next(event, now).map_err(|_| refused())?;
    store::challenges::keep(&mut tx, &challenge, &state).await?;
    let State::Authenticated(methods) = state else {
        let what = (object, right.err().unwrap_or("wrong_code"));
        record_refusal(&mut tx, challenge.tenant, origin, session::Create::INFO, what)?;
        tx.commit().await?;
        return Err(refused());
    };
    let who = Newcomer::lookup(&mut tx, person).await?;
    let (session, token) = begin(&mut tx, identity, origin, &who, &methods).await?;
    store::guesses::give_back(&mut tx, identity.lookup.held()?, &budgets).await?;
    tx.commit().await?;

    identity.hand_out(&session, &token).await
}

/// Is it theirs, and was it not used before? If so, it is now; if not, why, for the log.
async fn spend(
    tx: &mut SystemTx,
    identity: &Identity,
    ((tenant, user), challenge): ((TenantId, UserId), &Challenge),
    (has, shown): (&Factors, &Shown),
) -> Result<Result<(), &'static str>, fault::Error> {
    let spent = match shown {
        Shown::Webauthn(answer) => {
            let asked = match store::ceremonies::take(tx, &identity.kek, answer.token).await? {
                Some(Ceremony::Second { challenge: of, asked }) if of == challenge.id => asked,
                _ => return Ok(Err("not_asked")),
            };
            let shown = right_at_sign_in(tx, identity, answer, user, asked).await?;
            return Ok(shown.map(drop).map_err(|(_, why)| why));
        }
        Shown::Totp(code) => match factor_of(&tx.keys(tenant)?, tx.now(), &has.confirmed, code)? {
            Some((factor, step)) => store::factors::spend_at_sign_in(tx, factor, step).await?,
            None => false,
        },
        Shown::Recovery(code) => store::recovery_codes::spend_at_sign_in(tx, tenant, user, code).await?,
        Shown::Sent(kind, code) => sent::spend(tx, challenge, (has.of(*kind), code)).await?,
    };
    Ok(spent.then_some(()).ok_or("wrong_code"))
}
