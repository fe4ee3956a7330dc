use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::session;
use auth::{Action, Caller, PLATFORM};
use chrono::TimeDelta;
use db::{AuditEvent, AuditOutcome, Reason, SystemTx};
use fault::{FieldError, Kind};
use ids::{SessionId, TenantId};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Open, Origin, Refusals};

use super::{SignedIn, record_refusal};
use crate::guess::{self, Budget};
use crate::password::{Password, Verdict};
use crate::person::Email;
use crate::project::Name;
use crate::refresh::{Family, RefreshToken};
use crate::service::Identity;
use crate::session::Session;
use crate::store;
use crate::store::people::Candidate;

/// Who wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The e-mail address.
    #[schema(example = "ada@example.com", max_length = 254)]
    pub email: String,
    /// The password.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", max_length = 256)]
    pub password: SecretString,
    /// The tenant's name. Needed only if the address belongs to people of several tenants.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: Option<String>,
}

/// A sign-in, checked.
struct Attempt<'a> {
    email: Email,
    password: Password,
    tenant: Option<Name>,
    network: String,
    origin: &'a Origin,
}

impl<'a> Attempt<'a> {
    fn check(ask: &'a Open<Login>) -> Result<Self, fault::Error> {
        let field = |pointer: &str| {
            let pointer = pointer.to_owned();
            move |error: FieldError| fault::Error::invalid_fields(vec![FieldError { pointer, ..error }])
        };
        Ok(Self {
            email: Email::check("/email", &ask.body.email).map_err(field("/email"))?,
            password: Password::typed(&ask.body.password)
                .map_err(|refused| fault::Error::invalid("/password", refused.to_string()))?,
            tenant: ask.body.tenant.as_deref().map(Name::check).transpose().map_err(field("/tenant"))?,
            network: guess::network(ask.origin.address),
            origin: &ask.origin,
        })
    }
}

/// What the database knows of an attempt.
struct Found {
    /// In whose log it belongs.
    tenant: TenantId,
    /// The one person it can be.
    candidate: Option<Candidate>,
    /// What it spends.
    budgets: Vec<Budget>,
}

impl Found {
    async fn lookup(tx: &mut SystemTx, attempt: &Attempt<'_>, identity: &Identity) -> Result<Self, fault::Error> {
        let named = match &attempt.tenant {
            Some(name) => Some(store::tenants::named(tx, name.as_str()).await?.unwrap_or(NOWHERE)),
            None => None,
        };
        let mut people = store::people::candidates(tx, &attempt.email, named, &attempt.network).await?;
        // Two people and no tenant: nobody in particular. Saying so would tell strangers where the address is used.
        let candidate = if people.len() == 1 { people.pop() } else { None };
        let log = candidate.as_ref().map(|candidate| candidate.tenant).or(named.filter(|tenant| *tenant != NOWHERE));
        let known = candidate.as_ref().is_some_and(|candidate| candidate.known);
        let budgets = guess::budgets(&identity.guesses, &attempt.email, &attempt.network, known);
        Ok(Self { tenant: log.unwrap_or(PLATFORM), candidate, budgets })
    }

    fn hash(&self) -> Option<&str> {
        self.candidate.as_ref().map(|candidate| candidate.hash.as_str())
    }

    fn object(&self) -> String {
        self.candidate.as_ref().map_or_else(|| "user:unknown".to_owned(), |candidate| format!("user:{}", candidate.user))
    }
}

/// No tenant has this id: one that is named and does not exist is searched like any other.
const NOWHERE: TenantId = TenantId::from_uuid(ids::uuid::Uuid::nil());

/// Signs in with e-mail address and password.
#[utoipa::path(
    operation_id = "sign_in",
    tag = "auth",
    description = "Gives an access token of five minutes and a refresh token. Whatever is wrong, the answer is the same 401, \
                   and 429 says how long to wait after too many failures.",
    request_body(content = Login, description = "Who signs in"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/login")]
pub async fn sign_in(ask: Open<Login>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let attempt = Attempt::check(&ask)?;

    let turn = identity.hasher.turn()?;
    let found = admit(&identity, &attempt).await?;
    let verdict = turn.compare(&attempt.password, found.hash()).await?;
    let (session, token) = settle(&identity, &attempt, found, verdict).await?;

    identity.hand_out(&session, &token).await
}

/// Finds who it may be, and pays for the guess before the password is looked at: fifty guesses at once pay fifty times.
async fn admit(identity: &Identity, attempt: &Attempt<'_>) -> Result<Found, fault::Error> {
    let mut tx = identity.db.system(Reason::SignIn).await?;
    let found = Found::lookup(&mut tx, attempt, identity).await?;
    for budget in &found.budgets {
        if let Some(wait) = store::guesses::spend(&mut tx, budget).await? {
            // Rolled back: what is refused costs nothing, so one guesser cannot spend what all share.
            drop(tx);
            return Err(slow_down(identity, attempt, &found, budget, wait).await?);
        }
    }
    tx.commit().await?;
    Ok(found)
}

/// The log hears of an exhausted budget once in a while, or its reader would be the one who is flooded.
async fn slow_down(
    identity: &Identity,
    attempt: &Attempt<'_>,
    found: &Found,
    budget: &Budget,
    wait: TimeDelta,
) -> Result<fault::Error, fault::Error> {
    let mut tx = identity.db.system(Reason::SignIn).await?;
    if store::guesses::tell(&mut tx, budget).await? {
        let what = (found.object(), Kind::TooManyRequests.row().code);
        record_refusal(&mut tx, found.tenant, attempt.origin, session::Create::INFO, what)?;
    }
    tx.commit().await?;
    let seconds = u32::try_from(wait.num_seconds() + 1).unwrap_or(1);
    let detail = "Too many failed sign-ins; wait as long as Retry-After says.";
    Ok(fault::Error::new(Kind::TooManyRequests, detail).retry_after(seconds))
}

/// Begins the session, or refuses; the log is told in the same commit.
async fn settle(
    identity: &Identity,
    attempt: &Attempt<'_>,
    found: Found,
    verdict: Verdict,
) -> Result<(Session, RefreshToken), fault::Error> {
    let mut tx = identity.db.system(Reason::SignIn).await?;
    let right = match (&found.candidate, &verdict) {
        (None, _) => Err("unknown_account"),
        (Some(_), Verdict::Wrong) => Err("wrong_password"),
        // The password was right a moment ago. Is it still, and is its person still welcome?
        (Some(candidate), _) if store::people::still_stands(&mut tx, candidate).await? => Ok(candidate),
        (Some(_), _) => Err("disabled"),
    };
    let candidate = match right {
        Ok(candidate) => candidate,
        Err(code) => {
            record_refusal(&mut tx, found.tenant, attempt.origin, session::Create::INFO, (found.object(), code))?;
            tx.commit().await?;
            let detail = "Address or password is wrong, or the address is used in several tenants and `tenant` is missing.";
            return Err(fault::Error::unauthenticated(detail));
        }
    };
    if let Verdict::Outgrown(hash) = &verdict {
        store::people::replace_hash(&mut tx, candidate, hash).await?;
    }
    for budget in &found.budgets {
        store::guesses::give_back(&mut tx, budget).await?;
    }
    store::people::remember_address(&mut tx, candidate.tenant, candidate.user, &attempt.network).await?;
    let begun = begin(&mut tx, identity, attempt.origin, candidate).await?;
    tx.commit().await?;
    Ok(begun)
}

async fn begin(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    candidate: &Candidate,
) -> Result<(Session, RefreshToken), fault::Error> {
    let (now, id) = (tx.now(), SessionId::mint());
    let (family, family_key) = Family::begin(&identity.kek, candidate.tenant, id).map_err(fault::Error::internal)?;
    let token = family.first();
    let ends_at = now + identity.lifetimes.most;
    let session = Session {
        tenant: candidate.tenant,
        id,
        user: candidate.user,
        family_key,
        token_hash: token.hash().to_vec(),
        previous: None,
        expires_at: identity.lifetimes.expires(now, ends_at),
        ends_at,
        over: false,
    };
    store::sessions::insert(tx, &session, origin.address).await?;

    let bindings = store::people::bindings(tx, candidate.tenant, candidate.user).await?;
    let caller = Caller::newcomer(candidate.tenant, candidate.user, bindings, origin.address, origin.request);
    let (action, object) = (session::Create::INFO.name, format!("session:{id}"));
    let entry = AuditEvent::of(&caller, now, action, object, AuditOutcome::Success, json!({}));
    tx.record(candidate.tenant, &entry)?;
    Ok((session, token))
}
