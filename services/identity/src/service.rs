use std::net::SocketAddr;
use std::sync::Arc;

use auth::passport::Key;
use crypto::Kek;
use db::Db;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks, Tls};

use crate::factor::passkey::RelyingParty;
use crate::keys::Keys;
use crate::lookup::Lookup;
use crate::mail::Mailer;
use crate::oidc::Relying;
use crate::settings::Settings;
use crate::sms::Texter;
use crate::state::Identity;
use crate::{routes, work};

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_identity`.
    pub db: Db,
    /// What passports are checked with.
    pub key: Key,
    /// What secrets are encrypted with.
    pub kek: Kek,
    /// Who makes access tokens: their `iss`.
    pub issuer: String,
}

/// The service, built and not yet running.
pub struct Service {
    state: Arc<Identity>,
    running: Running,
}

impl Service {
    /// Checks the settings and takes the port.
    pub fn build(settings: &Settings, deps: Deps) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        settings.validate()?;
        let Deps { db, key, kek, issuer } = deps;
        let server = Server {
            listen: settings.listen,
            key,
            clock: db.clock().clone(),
            db: Some(db.clone()),
            workers: settings.workers,
        };
        let mailer = Mailer::new(&settings.mail)?;
        let passkeys = RelyingParty::new(&settings.passkeys, mailer.portal())?;
        if passkeys.is_none() {
            tracing::info!(portal = mailer.portal(), "no passkeys: the portal has no domain name");
        }
        let state = Identity {
            providers: Relying::new(&settings.providers, &issuer, db.clock().clone())?,
            hasher: settings.hasher()?,
            keys: Keys::new(db.clone(), kek.clone(), issuer, settings.signing_key_age()),
            lookup: Lookup::new(db.clone()),
            kek,
            lifetimes: settings.lifetimes(),
            guesses: settings.guesses,
            passkeys,
            texter: Texter::new(&settings.sms)?,
            mailer,
            errands: Notify::new(),
            db,
        };
        Ok(Self {
            state: Arc::new(state),
            running: server.bind()?,
        })
    }

    /// Speaks TLS with whoever asks, if there are settings for it.
    #[must_use]
    pub fn secured(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.running = self.running.secured(tls);
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// What its handlers and workers share.
    #[cfg(test)]
    pub(crate) fn state(&self) -> Arc<Identity> {
        Arc::clone(&self.state)
    }

    /// Answers requests and does nothing else: for tests of what a request asks of the database.
    #[cfg(test)]
    pub(crate) async fn answer(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        self.look_ahead().await;
        self.running.serve(routes::mount, self.state, shutdown).await
    }

    /// Has at hand what everybody will ask for. Where the database is away now, whoever asks first reads it.
    async fn look_ahead(&self) {
        if let Err(error) = self.state.lookup.key().await {
            tracing::warn!(?error, "the key that people are found by is not here yet");
        }
    }

    /// Answers requests and works until `shutdown`; requests in flight end first, then the workers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        self.look_ahead().await;
        let tasks = Tasks::new(shutdown.clone());
        tasks.spawn("sweep", work::sweep::run(self.state.db.clone(), shutdown.clone()));
        tasks.spawn("keys", work::keys::run(self.state.db.clone(), shutdown.clone()));
        tasks.spawn(
            "external keys",
            work::external_keys::run(self.state.db.clone(), shutdown.clone()),
        );
        tasks.spawn("errands", work::errands::run(Arc::clone(&self.state), shutdown.clone()));
        let db = Arc::new(self.state.db.clone());
        tasks.rounds("names in the clear", work::names::LOOK, &db, |db| {
            work::names::round(db).boxed()
        });
        tasks.rounds(
            "addresses and names in the clear",
            work::close::LOOK,
            &self.state,
            |identity| work::close::round(identity).boxed(),
        );
        tasks.forget_replies(&self.state.db);
        let served = self.running.serve(routes::mount, self.state, shutdown).await;
        tasks.drain().await;
        served
    }
}
