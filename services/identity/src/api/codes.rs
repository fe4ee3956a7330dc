//! One-time codes on their way: what all endpoints share that send one or take one back.

use auth::{Binding, Caller};
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::SystemTx;
use ids::{FactorId, TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::too_many;
use crate::errand::{Errand, code_letter, code_text};
use crate::factor::sent::{self, Bound, Code, LIVES, Locked, Phone};
use crate::factor::{Factor, Kind};
use crate::guess::{self, Budget, Destination};
use crate::policy::Policy;
use crate::state::Identity;
use crate::store;

/// What is said to whom no code is sent any more.
pub const TOO_MANY: &str = "Too many codes were sent; wait as long as Retry-After says, or show something else.";
/// What is said to whom three were sent.
pub const ENOUGH: &str = "Three codes were sent for this. Show the last one, show something else, or begin anew.";

/// A code that is on its way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SentCode {
    /// Where it goes, as far as its reader has to see it.
    #[schema(example = "+49…78")]
    pub sent_to: String,
    /// Until when it is good, unless another takes its place.
    pub expires_at: DateTime<Utc>,
}

/// Where codes go.
#[derive(Debug, Clone)]
pub enum Way {
    /// To a telephone.
    Sms(Phone),
    /// To a mailbox.
    Email(String),
}

impl Way {
    /// Where the codes of this factor go; those by mail go to where all other letters to its holder do.
    pub fn of(keys: &TenantKeys, factor: &Factor, email: String) -> Result<Self, fault::Error> {
        if factor.kind == Kind::Email {
            return Ok(Self::Email(email));
        }
        let phone = Phone::open(keys, factor.tenant, factor.id, &factor.sealed)?;
        Ok(Self::Sms(phone))
    }

    /// Which kind of factor that makes.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Sms(_) => Kind::Sms,
            Self::Email(_) => Kind::Email,
        }
    }

    /// What one code costs.
    pub fn budgets(&self, identity: &Identity, whose: (TenantId, UserId), to: Destination) -> Vec<Budget> {
        match self {
            Self::Sms(phone) => guess::messages_with_codes(whose, to, phone.expose(), identity.texter.per_day()),
            Self::Email(email) => guess::letters_with_codes(whose.1, to, email),
        }
    }

    /// The letter or message.
    pub fn errand(&self, code: &Code) -> Errand {
        match self {
            Self::Sms(phone) => Errand::Text(code_text(phone, code)),
            Self::Email(email) => Errand::Letter(code_letter(email, code)),
        }
    }

    /// What its factor keeps of it. A mailbox is not kept twice: it follows the account's address.
    pub fn seal(&self, keys: &TenantKeys, tenant: TenantId, factor: FactorId) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Sms(phone) => phone.seal(keys, tenant, factor),
            Self::Email(_) => Ok(Vec::new()),
        }
    }

    /// The answer to whom a code was sent.
    pub fn sent(&self, now: DateTime<Utc>) -> SentCode {
        let sent_to = match self {
            Self::Sms(phone) => phone.masked(),
            Self::Email(email) => sent::masked_address(email),
        };
        SentCode {
            sent_to,
            expires_at: now + LIVES,
        }
    }
}

/// Codes of this kind must be able to leave.
pub fn must_be_sendable(identity: &Identity, kind: Kind) -> Result<(), fault::Error> {
    if identity.sendable().contains(&kind) {
        return Ok(());
    }
    let setting = if kind == Kind::Sms {
        "identity.sms"
    } else {
        "identity.mail"
    };
    let detail = format!("This platform sends no codes that way; ask its operator for `{setting}`.");
    Err(fault::Error::conflict(detail))
}

/// Pays for one code to the caller. To be committed before anything else is done for it: fifty at once pay fifty times.
pub async fn pay(
    tx: &mut SystemTx,
    identity: &Identity,
    whose: (TenantId, UserId),
    (way, to): (&Way, Destination),
) -> Result<(), fault::Error> {
    let budgets = way.budgets(identity, whose, to);
    match store::guesses::spend(tx, identity.lookup.held()?, &budgets).await? {
        Some((_, wait)) => Err(too_many(wait, TOO_MANY)),
        None => Ok(()),
    }
}

/// A new code and what is kept of it.
pub fn made(keys: &TenantKeys, bound: &Bound) -> Result<(Code, Locked), KeyError> {
    let code = Code::make();
    let locked = bound.lock(keys, &code)?;
    Ok((code, locked))
}

/// The eight digits of a code, as they were typed.
pub fn typed(pointer: &str, text: &SecretString) -> Result<Code, fault::Error> {
    Code::typed(text.expose_secret())
        .ok_or_else(|| fault::Error::invalid(pointer, "must be the eight digits that were sent"))
}

/// Pays for one look at what waits for this: the hash that a right code has, or none if nothing waits. To be committed.
pub async fn looked_at(tx: &mut SystemTx, bound: &Bound, code: &Code) -> Result<Option<[u8; 32]>, fault::Error> {
    let Some(key) = store::sent_codes::pay(tx, bound).await? else {
        return Ok(None);
    };
    Ok(Some(bound.hash(&tx.keys(bound.tenant)?, &key, code)?))
}

/// May somebody show a weaker factor again, in the place of a stronger one? Only who has none and need not have one: else a
/// stolen telephone would do what the stronger one is there for.
pub fn must_do(policy: &Policy, carried: &[Binding], factors: &[Factor]) -> Result<(), &'static str> {
    if factors.iter().any(|factor| !factor.kind.is_weaker()) {
        return Err("is not enough: you have a stronger second factor, so show that");
    }
    if policy.asks_factor_of(carried) {
        return Err("is not enough: your tenant asks for a stronger second factor; sign in anew and add one");
    }
    Ok(())
}

/// The caller's factors that count by the tenant's rules, and their address.
pub async fn held(
    tx: &mut SystemTx,
    caller: &Caller,
    user: UserId,
) -> Result<(Policy, Vec<Factor>, String), fault::Error> {
    let tenant = caller.tenant();
    let policy = store::policies::at_sign_in(tx, tenant).await?;
    let mut factors = store::factors::confirmed(tx, tenant, user).await?;
    factors.retain(|factor| policy.allows(factor.kind));
    let email = store::people::email_at_sign_in(tx, tenant, user).await?;
    Ok((policy, factors, email))
}
