use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use auth::{Action, Caller};
use clock::Clock;
use crypto::{KeyError, Keyring, TenantKeys};
use futures::StreamExt;
use ids::TenantId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::audit::{AuditEvent, Outcome};
use crate::group::{Group, Recorded};
use crate::reply::Replies;
use crate::sealing::{Plain, Sealer};
use crate::store::keys::Keys;
use crate::{Ask, Change, Exit, Read, Reason, Result, SystemTx, Wake};

/// Releases in which SQL users cannot read past row security (CVE-2026-120154), by major version.
const SAFE: [(u32, u32); 4] = [(15, 20), (16, 16), (17, 12), (18, 7)];

/// How long work for many tenants waits for the keys of one, and for how many it asks at once.
const MOMENT: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 8;

/// Where the database is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Host name, address, or directory of the Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database name.
    pub name: String,
    /// Directory with a file `pg-<role>.secret` per role. None where the server trusts its socket (tests).
    #[serde(default)]
    pub secrets: Option<PathBuf>,
    /// Connections per role at most.
    #[serde(default = "default_connections")]
    pub connections: u32,
    /// Start even on a release in which row security can be read past.
    #[serde(default)]
    pub allow_unsafe_version: bool,
}

const fn default_connections() -> u32 {
    10
}

impl Connect {
    /// Options to connect as the role `yunshu_<role>`.
    pub fn options(&self, role: &str) -> Result<PgConnectOptions, fault::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .database(&self.name)
            .username(&format!("yunshu_{role}"))
            .application_name(&format!("yunshu-{role}"))
            .options([
                ("statement_timeout", "30s"),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "30s"),
                ("search_path", role),
            ]);
        match self.password(role)? {
            Some(password) => Ok(options.password(password.expose_secret())),
            None => Ok(options),
        }
    }

    /// The password of a role, if the server asks for one.
    pub fn password(&self, role: &str) -> Result<Option<SecretString>, fault::Error> {
        let Some(directory) = &self.secrets else {
            return Ok(None);
        };
        let file = directory.join(format!("pg-{role}.secret"));
        let text = std::fs::read_to_string(&file)
            .map_err(|error| fault::Error::internal(format!("cannot read {}: {error}", file.display())))?;
        Ok(Some(SecretString::from(text.trim().to_owned())))
    }
}

/// One service's door to the database.
#[derive(Clone, Debug)]
pub struct Db {
    app: PgPool,
    system: PgPool,
    clock: Clock,
    wake: Wake,
    replies: Replies,
    keyring: Option<Keyring>,
    group: Group,
}

impl Db {
    /// Connects as the service's own role and as the system role. Connections are made when first needed, so a
    /// service starts while the database is still away.
    pub fn connect(to: &Connect, service: &str, clock: Clock, wake: Wake) -> Result<Self, fault::Error> {
        // What is asked across tenants is asked by key, at each sign-in and of each credential: to plan it anew takes
        // longer than to run it. Callers' lists are planned for the filters they have.
        let system = pool(
            to,
            // It finds the service's own tables where none is named: those that every service has.
            to.options("system")?
                .options([("plan_cache_mode", "force_generic_plan"), ("search_path", service)]),
        );
        Ok(Self {
            app: pool(to, to.options(service)?),
            group: Group::new(system.clone(), wake.clone()),
            system,
            clock,
            wake,
            replies: Replies::of(service),
            keyring: None,
        })
    }

    /// The same, with tenants' keys in its transactions.
    #[must_use]
    pub fn with_keys(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// A tenant's keys, made now if it never had any. To be asked before a transaction, never inside one: the provider may be
    /// on another machine.
    pub async fn keys(&self, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        match &self.keyring {
            Some(keyring) => keyring.keys(&Keys(&self.app), tenant).await,
            None => Err(no_keys()),
        }
    }

    /// Asks for the keys of several tenants at once, so that they are held. Those whose keys cannot be had within a moment: a
    /// tenant that keeps its key itself may keep it anywhere, and others do not wait for that. An error if nobody's can.
    pub async fn gather_keys(&self, tenants: Vec<TenantId>) -> Result<HashSet<TenantId>, KeyError> {
        let asked = futures::stream::iter(tenants)
            .map(|tenant| async move { (tenant, tokio::time::timeout(MOMENT, self.keys(tenant)).await) });
        let mut asked = asked.buffer_unordered(AT_ONCE);
        let mut away = HashSet::new();
        while let Some((tenant, keys)) = asked.next().await {
            match keys {
                Err(_) => {
                    // Else the next who looks would wait as long again.
                    if let Some(ring) = &self.keyring {
                        ring.give_up(tenant);
                    }
                    away.insert(tenant);
                }
                Ok(Err(KeyError::External(_))) => drop(away.insert(tenant)),
                Ok(Err(error @ (KeyError::Unavailable(_) | KeyError::Store(_)))) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(away)
    }

    /// Are the tenant's keys held, so that [`SystemTx::keys`] has them?
    pub fn holds_keys(&self, tenant: TenantId) -> bool {
        self.keyring.as_ref().is_none_or(|keyring| keyring.holds(tenant))
    }

    /// Where tenants' keys are held, if they are.
    pub const fn keyring(&self) -> Option<&Keyring> {
        self.keyring.as_ref()
    }

    /// Keys for a transaction. Without them it can do all that needs none; only where the store is away there is no
    /// transaction either.
    async fn keys_for(&self, tenant: TenantId) -> Result<Result<TenantKeys, KeyError>, fault::Error> {
        match self.keys(tenant).await {
            Err(error @ KeyError::Store(_)) => Err(error.into()),
            keys => Ok(keys),
        }
    }

    /// Begins a transaction that reads for this caller.
    pub async fn read<A: Action>(&self, caller: &Caller) -> Result<Read<A>, fault::Error> {
        let keys = self.keys_for(caller.tenant()).await?;
        let tx = begin(&self.app, "begin read only").await?;
        Ok(Read::begin(tx, caller.clone(), self.clock.now(), keys).await?)
    }

    /// Begins a transaction that changes things. A repeated key leaves here with its first answer.
    pub async fn change<A: Action>(&self, ask: Ask) -> Result<Change<A>, Exit> {
        let keys = self.keys_for(ask.caller.tenant()).await?;
        let tx = begin(&self.app, "begin").await?;
        let keys = (keys, self.keyring.clone());
        let ask = (ask, self.replies.clone());
        Change::begin(tx, ask, (self.clock.now(), self.wake.clone()), keys).await
    }

    /// Begins a transaction across tenants.
    pub async fn system(&self, reason: Reason) -> Result<SystemTx> {
        tracing::trace!(?reason, "system transaction");
        let tx = begin(&self.system, "begin").await?;
        Ok(SystemTx::new(
            tx,
            (self.clock.now(), self.wake.clone()),
            self.keyring.clone(),
        ))
    }

    /// Writes the audit entry of an attempt that changed nothing, in a commit that entries of others may share.
    pub async fn refuse(
        &self,
        caller: &Caller,
        action: &str,
        object: String,
        outcome: Outcome,
        code: &str,
    ) -> Result<(), fault::Error> {
        let now = self.clock.now();
        let changes = serde_json::json!({ "code": code });
        let entry = AuditEvent::of(caller, now, action, object, outcome, changes);
        let keys = self.keys_for(caller.tenant()).await?;
        let sealer = Sealer::lenient(keys, self.keyring.as_ref())?;
        self.write(caller, &entry, sealer).await
    }

    /// Writes the audit entry of a sensitive read, in a commit that entries of others may share: a [`Read`] cannot write. To
    /// be called before the answer is given, so that nothing is read unseen. `about` says what was asked for.
    pub async fn record<A: Action>(
        &self,
        caller: &Caller,
        object: String,
        about: serde_json::Value,
    ) -> Result<(), fault::Error> {
        let now = self.clock.now();
        let entry = AuditEvent::of(caller, now, A::INFO.name, object, Outcome::Success, about);
        let keys = self.keys_for(caller.tenant()).await?;
        let sealer = Sealer::strict(keys, self.keyring.as_ref())?;
        self.write(caller, &entry, sealer).await
    }

    /// What changed nothing has no transaction to be part of.
    async fn write(&self, caller: &Caller, entry: &AuditEvent, sealer: Sealer) -> Result<(), fault::Error> {
        let one = Recorded {
            tenant: caller.tenant(),
            entry: Plain::of(entry)?,
            written: (entry.time, Some(caller.request())),
            sealer,
        };
        self.group.write(one).await
    }

    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        (*self.app.connect_options()).clone()
    }

    /// What wakes after each commit of this process.
    pub const fn wake(&self) -> &Wake {
        &self.wake
    }

    /// The service's clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Answers whether the database can be reached.
    pub async fn ping(&self) -> Result<()> {
        let tx = begin(&self.app, "begin read only").await?;
        Ok(tx.rollback().await?)
    }

    /// Closes the pools once the last entry is written and the last transaction has ended.
    pub async fn close(&self) {
        self.group.drain().await;
        self.app.close().await;
        self.system.close().await;
    }
}

/// Whoever assembles the service has given it no keys.
pub(crate) fn no_keys() -> KeyError {
    KeyError::Unavailable("there is no keyring here".to_owned())
}

fn pool(to: &Connect, options: PgConnectOptions) -> PgPool {
    let unsafe_allowed = to.allow_unsafe_version;
    PgPoolOptions::new()
        .max_connections(to.connections)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_mins(1))
        .max_lifetime(Duration::from_mins(30))
        // `begin` is the test: asking first would be one question more for each transaction.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if unsafe_allowed {
                    Ok(())
                } else {
                    check_version(connection).await
                }
            })
        })
        .connect_lazy_with(options)
}

/// Begins a transaction. The server may have ended any connection of the pool while it lay idle; as nothing was done on it
/// yet, the next one is tried.
#[expect(clippy::disallowed_methods, reason = "the one place that begins transactions")]
pub(crate) async fn begin(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, Postgres>> {
    let mut left = pool.options().get_max_connections();
    loop {
        match pool.begin_with(statement).await {
            Err(error) if left > 0 && was_cut(&error) => left -= 1,
            begun => return Ok(begun?),
        }
    }
}

/// Did the connection end before this? SQLSTATE 57P01: by an administrator.
fn was_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P01"),
        _ => false,
    }
}

/// Refuses servers on which row security is no wall.
async fn check_version(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let number: String = sqlx::query_scalar("show server_version_num")
        .fetch_one(connection)
        .await?;
    let number: u32 = number.parse().unwrap_or_default();
    let (major, minor) = (number / 10_000, number % 10_000);
    let safe = SAFE.iter().any(|(m, least)| *m == major && minor >= *least) || SAFE.iter().all(|(m, _)| *m < major);
    if safe {
        return Ok(());
    }
    Err(sqlx::Error::Configuration(
        format!(
            "PostgreSQL {major}.{minor} lets SQL users read past row security (CVE-2026-120154): upgrade to 15.20, \
             16.16, 17.12, 18.7 or newer, or set database.allow_unsafe_version"
        )
        .into(),
    ))
}
