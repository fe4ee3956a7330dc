use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use auth::{Action, Caller};
use crypto::{KeyError, Keyring, TenantKeys};
use ids::TenantId;
use sqlx::{Postgres, Transaction};

use crate::answer::{Answer, Effect, Exit, Status, Subject};
use crate::audit::{self, AuditEvent, Outcome};
use crate::outbox::{self, Draft, Row};
use crate::reply::{self, Replies};
use crate::sealing::{Plain, Sealer};
use crate::{Event, Granted, Platform, Read, Wake};

/// A client's key for a request that must not be done twice: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Ask {
    /// By whom.
    pub caller: Caller,
    /// Only say what would happen.
    pub dry_run: bool,
    /// Once, whatever happens on the way.
    pub key: Option<IdempotencyKey>,
    /// Only if the object still is in this state.
    pub if_match: Option<String>,
    /// SHA-256 of method, path and body: what a key is bound to.
    pub fingerprint: [u8; 32],
}

impl Ask {
    /// A request that came by no client: a worker's, or the sign-up of a caller who is just coming to be.
    pub fn plain(caller: Caller) -> Self {
        Self {
            caller,
            dry_run: false,
            key: None,
            if_match: None,
            fingerprint: [0; 32],
        }
    }
}

/// A transaction that changes things for one caller by action `A`. [`Change::finish`] is its only commit.
pub struct Change<A> {
    read: Read<A>,
    ask: Ask,
    replies: Replies,
    wake: Wake,
    ring: Option<Keyring>,
    drafts: Vec<Draft>,
    told: Vec<TenantId>,
}

impl<A> Deref for Change<A> {
    type Target = Read<A>;

    fn deref(&self) -> &Read<A> {
        &self.read
    }
}

impl<A> DerefMut for Change<A> {
    fn deref_mut(&mut self) -> &mut Read<A> {
        &mut self.read
    }
}

impl<A: Action> Change<A> {
    pub(crate) async fn begin(
        tx: Transaction<'static, Postgres>,
        (ask, replies): (Ask, Replies),
        (now, wake): (chrono::DateTime<chrono::Utc>, Wake),
        (keys, ring): (Result<TenantKeys, KeyError>, Option<Keyring>),
    ) -> Result<Self, Exit> {
        let mut read = Read::begin(tx, ask.caller.clone(), now, keys).await?;
        if let (Some(key), false) = (&ask.key, ask.dry_run) {
            let keys = read.keys().cloned();
            reply::claim(read.sql(), &replies, (&ask, key), keys).await?;
        }
        Ok(Self {
            read,
            ask,
            replies,
            wake,
            ring,
            drafts: Vec::new(),
            told: Vec::new(),
        })
    }

    /// Will it be rolled back?
    pub const fn is_dry_run(&self) -> bool {
        self.ask.dry_run
    }

    /// Hands on an event with the commit.
    pub fn emit<E: Event>(&mut self, event: &E) -> Result<(), fault::Error> {
        self.drafts.push(Draft::of(event)?);
        Ok(())
    }

    /// Has the audit entry of this change written into the log of a tenant as well, in the same commit: what the platform's
    /// operators do to a tenant stands where the tenant reads it. The grant is the proof that it is the platform that acts.
    pub fn tell(&mut self, _: &Granted<Platform, A>, tenant: TenantId) {
        self.told.push(tenant);
    }

    /// Steps into a tenant: the one door through row security from the platform's side, until [`Self::leave`]. The grant is
    /// the proof of the right.
    pub async fn enter(&mut self, _: &Granted<Platform, A>, tenant: TenantId) -> Result<(), crate::Error> {
        crate::read::set_tenant(self.sql(), tenant).await
    }

    /// Back, so that the audit entry and the answer kept for the key of the same commit are the caller's own.
    pub async fn leave(&mut self) -> Result<(), crate::Error> {
        let home = self.tenant_id();
        crate::read::set_tenant(self.sql(), home).await
    }

    /// The tenant's key is destroyed with this commit, or comes back with it: its entry is sealed by the platform's, or nobody
    /// could read that it was.
    pub fn end_keys(&mut self, _: &Granted<crate::Tenant, A>) {
        self.read.lose_keys();
    }

    /// The client must have named the object's present state: 428 without `If-Match`, 412 with an older one. Whoever asks
    /// this holds the object's row locked, unless it never changes: else two clients that read one state were both right.
    pub fn must_match<T: Subject>(&self, present: &T) -> Result<(), fault::Error> {
        let Some(named) = &self.ask.if_match else {
            let detail = "Send the ETag you last read as If-Match.";
            return Err(fault::Error::new(fault::Kind::PreconditionRequired, detail));
        };
        let is_named = |etag: String| named.split(',').any(|one| one.trim() == etag);
        if named.trim() == "*" || present.etag().is_some_and(is_named) {
            return Ok(());
        }
        let detail = "The object has changed since you read it.";
        Err(fault::Error::new(fault::Kind::PreconditionFailed, detail))
    }

    /// Writes audit entry, events and the answer kept for the key, and commits; or rolls back on a dry run and answers
    /// with what would have been.
    pub async fn finish<E: Effect>(self, status: Status, effect: E) -> Result<Answer<E::Body>, Exit> {
        self.finish_as(A::INFO.name, status, effect).await
    }

    async fn finish_as<E: Effect>(mut self, action: &str, status: Status, effect: E) -> Result<Answer<E::Body>, Exit> {
        let changes = audit::difference(effect.before().as_ref(), effect.after().as_ref());
        let body = effect.body();
        let answer = answer(status, self.ask.dry_run, &body)?;
        if self.ask.dry_run {
            self.read.tx.rollback().await.map_err(crate::Error::from)?;
            return Ok(answer);
        }
        let now = self.read.now;
        let object = body.object();
        let entry = AuditEvent::of(&self.ask.caller, now, action, object.clone(), Outcome::Success, changes);
        let home = self.ask.caller.tenant();
        let sealer = Sealer::strict(self.read.keys().cloned(), self.ring.as_ref())?;
        self.drafts.push(Draft::audit(&sealer, home, &[&Plain::of(&entry)?])?);
        let written = (now, Some(self.ask.caller.request()));
        let drafts = std::mem::take(&mut self.drafts).into_iter();
        let rows: Vec<Row> = drafts.map(|draft| draft.of_tenant(home, written)).collect();
        outbox::insert(&mut self.read.tx, &rows).await?;
        for tenant in std::mem::take(&mut self.told) {
            let there = Sealer::lenient(self.held(tenant), self.ring.as_ref())?;
            let seen = Plain::of(&entry.seen_by(&self.ask.caller, tenant))?;
            let there = Draft::audit(&there, tenant, &[&seen])?;
            self.read.become_tenant(tenant).await?;
            outbox::insert(&mut self.read.tx, [&there.of_tenant(tenant, written)]).await?;
            self.read.become_tenant(home).await?;
        }
        if let Some(key) = &self.ask.key {
            let keys = self.read.keys().cloned();
            let asked = (&self.ask, key);
            reply::keep(&mut self.read.tx, &self.replies, asked, keys, (&answer, &object)).await?;
        }
        self.read.tx.commit().await.map_err(crate::Error::from)?;
        self.wake.ring();
        Ok(answer)
    }
}

impl<A> Change<A> {
    /// The keys of another tenant, if they are held: whoever will need them asks [`crate::Db::keys`] before it begins.
    pub fn keys_of(&self, _: &Granted<crate::Platform, A>, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        self.held(tenant)
    }

    fn held(&self, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        self.ring.as_ref().ok_or_else(crate::pool::no_keys)?.held(tenant)
    }
}

fn answer<T: Subject>(status: Status, dry_run: bool, body: &T) -> Result<Answer<T>, fault::Error> {
    let mut headers = Vec::new();
    let json = serde_json::to_value(body).map_err(fault::Error::internal)?;
    if dry_run {
        headers.push(("Dry-Run".to_owned(), "true".to_owned()));
        return Ok(Answer {
            status: 200,
            headers,
            body: Some(json),
            of: PhantomData,
        });
    }
    let (status, json) = match status {
        Status::Ok => (200, Some(json)),
        Status::Created => (201, Some(json)),
        Status::Accepted(operation) => {
            headers.push((
                "Operation-Location".to_owned(),
                format!("/api/v1/operations/{operation}"),
            ));
            (202, Some(json))
        }
        Status::NoContent => (204, None),
    };
    if let (201 | 202, Some(location)) = (status, body.location()) {
        headers.push(("Location".to_owned(), location));
    }
    if let Some(etag) = body.etag() {
        headers.push(("ETag".to_owned(), etag));
    }
    Ok(Answer {
        status,
        headers,
        body: json,
        of: PhantomData,
    })
}
