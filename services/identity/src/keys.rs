//! The keys that sign access tokens.
//!
//! # What it guarantees
//! - A private key is kept encrypted and is destroyed when it is retired. Each process holds the keys for half a minute
//!   and then reads them again, so all processes agree within that time.
//! - A key is published ten minutes before it signs, so no verifier meets a token whose key it could not know; and it
//!   stays published until the last token it signed has died. Between the two nothing needs a restart.
//! - When the database is away, the keys at hand go on signing and being published.
//!
//! The first key of a new platform signs at once. Making and retiring needs no worker: it is looked after whenever the
//! keys are read again.

use std::sync::Arc;

use auth::token::{AUDIENCE, Claims, Jwks, LIFETIME_SECONDS, Signer, Verifier};
use auth::{Caller, PLATFORM};
use chrono::{DateTime, TimeDelta, Utc};
use crypto::{Kek, Place};
use db::{AuditEvent, AuditOutcome, Db, Reason, SystemTx};
use ids::uuid::Uuid;
use ids::{EventId, ServiceAccountId, SessionId, TenantId};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::oauth::client::wire_id;
use crate::oauth::id_token::{self, IdClaims};
use crate::session::Session;
use crate::store;
use crate::store::keys::SigningKey;

/// How long the keys at hand are taken to be all there are.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How long until the database is asked again after it gave no answer.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// How long a new key is published before it signs.
const NOTICE: TimeDelta = TimeDelta::minutes(10);
/// How long after its last token's death a key is still published.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be asked for the keys, and none are at hand.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// A key does not open: another key-encryption key, or a changed row.
    #[error("signing key {0} does not open with this key-encryption key")]
    Sealed(String),
    /// A key that opens and does not sign.
    #[error("signing key: {0}")]
    Token(#[from] auth::token::Error),
    /// The entry for the audit log could not be written down.
    #[error("audit entry: {0}")]
    Audit(fault::Error),
}

impl From<Error> for fault::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) => error.into(),
            Error::Audit(error) => error,
            Error::Sealed(_) | Error::Token(_) => Self::internal(error),
        }
    }
}

/// The platform's signing keys as one process holds them.
pub struct Keys {
    db: Db,
    kek: Kek,
    issuer: String,
    /// Age at which a key gets its successor.
    most_age: TimeDelta,
    held: Mutex<Option<Held>>,
}

struct Held {
    ring: Arc<Ring>,
    until: DateTime<Utc>,
}

/// Each key with the time from which it signs, the newest first.
struct Ring(Vec<(DateTime<Utc>, Signer)>);

/// What has to be done about the keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// A new key, from when on it signs.
    make: Option<DateTime<Utc>>,
    /// Keys whose last token is dead.
    retire: Vec<String>,
}

impl Plan {
    fn of(keys: &[SigningKey], most_age: TimeDelta, now: DateTime<Utc>) -> Self {
        let make = match keys.first() {
            None => Some(now),
            Some(newest) if newest.created_at + most_age <= now => Some(now + NOTICE),
            Some(_) => None,
        };
        // A key signs until its successor does, and its last token lives on from there.
        let tail = TimeDelta::seconds(LIFETIME_SECONDS) + GRACE;
        let superseded = keys
            .iter()
            .zip(keys.iter().skip(1))
            .filter(|(next, _)| next.signs_from + tail <= now);
        Self {
            make,
            retire: superseded.map(|(_, old)| old.kid.clone()).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Keys {
    /// The keys in this database, opened with this key-encryption key.
    pub fn new(db: Db, kek: Kek, issuer: String, most_age: TimeDelta) -> Self {
        Self {
            db,
            kek,
            issuer,
            most_age,
            held: Mutex::default(),
        }
    }

    /// An access token for a session, good from now on.
    pub async fn access_token(&self, session: &Session) -> Result<String, Error> {
        let client = session.client.map(wire_id);
        self.token((session.tenant, session.user.as_uuid()), session.id, client)
            .await
    }

    /// An access token for a machine's session, good from now on.
    pub async fn machine_token(
        &self,
        tenant: TenantId,
        account: ServiceAccountId,
        session: SessionId,
    ) -> Result<String, Error> {
        let client = Some(account.to_string());
        self.token((tenant, account.as_uuid()), session, client).await
    }

    async fn token(
        &self,
        (tenant, sub): (TenantId, Uuid),
        sid: SessionId,
        client_id: Option<String>,
    ) -> Result<String, Error> {
        let now = self.db.clock().now();
        self.sign(
            auth::token::TYPE,
            &Claims {
                iss: self.issuer.clone(),
                aud: AUDIENCE.to_owned(),
                sub,
                tenant,
                sid,
                jti: EventId::mint().to_string(),
                iat: now.timestamp(),
                nbf: now.timestamp(),
                exp: now.timestamp() + LIFETIME_SECONDS,
                client_id,
            },
        )
        .await
    }

    /// What tells a client who signed in. Its key dies no sooner than that of an access token.
    pub async fn id_token(&self, claims: &IdClaims) -> Result<String, Error> {
        self.sign(id_token::TYPE, claims).await
    }

    /// The claims of an access token that is good now.
    pub async fn check(&self, token: &str) -> Result<Claims, Error> {
        let jwks = self.jwks().await?;
        let now = self.db.clock().now().timestamp();
        Ok(Verifier::new(&self.issuer, &jwks).check_at(token, now)?)
    }

    /// Who makes the tokens: the platform's address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, Error> {
        let ring = self.ring().await?;
        let now = self.db.clock().now();
        let signing = ring.0.iter().find(|(from, _)| *from <= now);
        let (_, signer) = signing.ok_or(Error::Token(auth::token::Error::UnknownKey))?;
        Ok(signer.sign_as(kind, claims)?)
    }

    /// The public halves of all keys that sign, will sign or have signed what is still alive.
    pub async fn jwks(&self) -> Result<Jwks, Error> {
        let ring = self.ring().await?;
        Ok(Jwks {
            keys: ring.0.iter().map(|(_, signer)| signer.jwk().clone()).collect(),
        })
    }

    async fn ring(&self) -> Result<Arc<Ring>, Error> {
        let mut held = self.held.lock().await;
        let now = self.db.clock().now();
        if let Some(held) = held.as_ref().filter(|held| now < held.until) {
            return Ok(Arc::clone(&held.ring));
        }
        let (ring, until) = match (self.read().await, held.as_ref()) {
            (Ok(ring), _) => (Arc::new(ring), now + FRESH),
            (Err(error), Some(held)) => {
                tracing::warn!(%error, "going on with the signing keys at hand");
                // One request waits for the database, not each in turn.
                (Arc::clone(&held.ring), now + PAUSE)
            }
            (Err(error), None) => return Err(error),
        };
        *held = Some(Held {
            ring: Arc::clone(&ring),
            until,
        });
        Ok(ring)
    }

    async fn read(&self) -> Result<Ring, Error> {
        let mut tx = self.db.system(Reason::Bootstrap).await?;
        let mut keys = store::keys::list(&mut tx).await?;
        if !Plan::of(&keys, self.most_age, tx.now()).is_empty() {
            store::keys::lock(&mut tx).await?;
            // Another process may have been faster.
            keys = store::keys::list(&mut tx).await?;
            let plan = Plan::of(&keys, self.most_age, tx.now());
            self.carry_out(&mut tx, &plan).await?;
            keys = store::keys::list(&mut tx).await?;
        }
        tx.commit().await?;
        let open = |key: &SigningKey| Ok((key.signs_from, self.open(key)?));
        Ok(Ring(keys.iter().map(open).collect::<Result<_, Error>>()?))
    }

    async fn carry_out(&self, tx: &mut SystemTx, plan: &Plan) -> Result<(), Error> {
        if let Some(signs_from) = plan.make {
            let pkcs8 = zeroize::Zeroizing::new(Signer::generate()?);
            let kid = Signer::open(&pkcs8)?.jwk().kid.clone();
            let sealed = self
                .kek
                .seal(&place(&kid), &pkcs8)
                .map_err(|_| Error::Sealed(kid.clone()))?;
            let key = SigningKey {
                kid,
                sealed,
                created_at: tx.now(),
                signs_from,
            };
            store::keys::insert(tx, &key).await?;
            record(tx, "signing_key.create", &key.kid)?;
        }
        for kid in &plan.retire {
            store::keys::retire(tx, kid).await?;
            record(tx, "signing_key.retire", kid)?;
        }
        Ok(())
    }

    fn open(&self, key: &SigningKey) -> Result<Signer, Error> {
        let opened = self.kek.open_sealed(&place(&key.kid), &key.sealed);
        let pkcs8 = opened.map_err(|_| Error::Sealed(key.kid.clone()))?;
        Ok(Signer::open(&pkcs8)?)
    }
}

fn place(kid: &str) -> Place<'_> {
    Place {
        tenant: PLATFORM,
        table: "identity.signing_keys",
        column: "sealed",
        row: kid,
    }
}

fn record(tx: &mut SystemTx, action: &str, kid: &str) -> Result<(), Error> {
    let worker = Caller::worker(PLATFORM, "identity");
    let object = format!("signing_key:{kid}");
    let entry = AuditEvent::of(&worker, tx.now(), action, object, AuditOutcome::Success, json!({}));
    tx.record(PLATFORM, &entry).map_err(Error::Audit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn key(kid: &str, created: i64, signs: i64) -> SigningKey {
        SigningKey {
            kid: kid.to_owned(),
            sealed: Vec::new(),
            created_at: at(created),
            signs_from: at(signs),
        }
    }

    const AGE: TimeDelta = TimeDelta::minutes(1000);

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(Plan::of(&[], AGE, at(5)).make, Some(at(5)));
    }

    #[test]
    fn t17_a_new_key_is_published_before_it_signs_and_an_old_one_until_its_tokens_are_dead() {
        let old = key("old", 0, 0);
        assert!(Plan::of(std::slice::from_ref(&old), AGE, at(999)).is_empty());
        assert_eq!(Plan::of(std::slice::from_ref(&old), AGE, at(1000)).make, Some(at(1010)));
        let keys = [key("new", 1000, 1010), old];
        assert!(
            Plan::of(&keys, AGE, at(1015)).is_empty(),
            "a token of minute 1010 lives"
        );
        assert_eq!(Plan::of(&keys, AGE, at(1016)).retire, ["old"]);
    }
}
