use crypto::Kek;
use db::{Db, Reason, SystemTx};
use ids::TenantId;
use tokio::sync::Notify;

use crate::factor::Kind;
use crate::factor::passkey::RelyingParty;
use crate::guess::Limits;
use crate::keys::Keys;
use crate::lookup::Lookup;
use crate::mail::Mailer;
use crate::oidc::Relying;
use crate::password::Hasher;
use crate::session::Lifetimes;
use crate::sms::Texter;
use crate::store;

/// What every handler shares.
pub struct Identity {
    /// The database.
    pub db: Db,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Marks what people are found by.
    pub lookup: Lookup,
    /// Signs access tokens.
    pub keys: Keys,
    /// What belongs to no tenant is sealed with it, and what was sealed before tenants had keys.
    pub kek: Kek,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How often passwords may be guessed.
    pub guesses: Limits,
    /// The service as passkeys know it; none where the portal has no domain.
    pub passkeys: Option<RelyingParty>,
    /// Sends letters.
    pub mailer: Mailer,
    /// Speaks with identity providers.
    pub providers: Relying,
    /// Sends text messages.
    pub texter: Texter,
    /// Rings when there is an errand.
    pub errands: Notify,
}

impl Identity {
    /// Begins what is asked at the door, where it is not known yet by whom: with the key at hand that people are found by, and
    /// that guesses are counted by.
    pub async fn begin_sign_in(&self) -> Result<SystemTx, fault::Error> {
        self.lookup.key().await?;
        Ok(self.db.system(Reason::SignIn).await?)
    }

    /// Has the key that people are found by at hand, and the keys of a tenant that somebody names at the door, for [`db::SystemTx::keys`]. Of a tenant that there is
    /// not, none are made.
    pub async fn at_the_door(&self, tenant: TenantId) -> Result<(), fault::Error> {
        self.lookup.key().await?;
        if self.db.holds_keys(tenant) {
            return Ok(());
        }
        let mut tx = self.begin_sign_in().await?;
        let known = store::tenants::is_there(&mut tx, tenant).await?;
        drop(tx);
        if known && let Err(error) = self.db.keys(tenant).await {
            // Whoever needs them is told; much at the door needs none.
            tracing::warn!(%tenant, %error, "no keys at the door");
        }
        Ok(())
    }

    /// The weaker kinds of factor whose codes can leave here.
    pub fn sendable(&self) -> Vec<Kind> {
        let there = |kind: &Kind| match kind {
            Kind::Sms => self.texter.is_set_up(),
            Kind::Email => self.mailer.is_set_up(),
            Kind::Webauthn | Kind::Totp | Kind::Recovery => false,
        };
        Kind::WEAKER.iter().copied().filter(there).collect()
    }

    /// The service as passkeys know it.
    pub fn relying_party(&self) -> Result<&RelyingParty, fault::Error> {
        let detail =
            "Passkeys are bound to a domain, and this portal has none; ask your operator for `identity.passkeys`.";
        self.passkeys.as_ref().ok_or_else(|| fault::Error::conflict(detail))
    }
}
