//! Builds roles and runs them under one token.

use std::path::Path;

use anyhow::Context;
use auth::passport::Key;
use clock::Clock;
use crypto::{Destroyed, Kek, Keyring};
use db::{Db, Wake};
use gateway::Upstreams;
use mesh::Mesh;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::{self, Config, Role};
use crate::{openapi, peers};

/// Whatever kills this process from now on leaves no picture of its memory on a disk: keys are in it, and what people typed.
pub fn leave_no_core() -> anyhow::Result<()> {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(rustix::process::Resource::Core, none).context("cores cannot be forbidden")
}

/// Must run before the first handshake or signature; a second call changes nothing.
pub fn install_providers() {
    // Refused only if one is installed already, and ours is the only one linked.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    auth::token::install_provider();
}

/// Roles that are built and do not run yet.
pub struct Platform {
    running: JoinSet<anyhow::Result<()>>,
    /// Ends the gateway; its end then ends the services, which its requests in flight still need.
    closing: CancellationToken,
    shutdown: CancellationToken,
    databases: Vec<Db>,
    /// Where the gateway listens, if it is among the roles.
    pub doors: Option<Doors>,
}

/// The gateway's addresses.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// TLS.
    pub tls: std::net::SocketAddr,
    /// Plain HTTP on loopback.
    pub plain: Option<std::net::SocketAddr>,
}

struct Parts<'a> {
    config: &'a Config,
    key: Key,
    /// None where no role seals or opens anything.
    keys: Option<Keys>,
    clock: Clock,
    wake: Wake,
    mesh: Option<Mesh>,
}

struct Keys {
    kek: Kek,
    ring: Keyring,
}

impl Keys {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let kek = Kek::open(&config.crypto.kek)?;
        let ring = keyring(config, &kek)?;
        Ok(Self { kek, ring })
    }
}

impl Parts<'_> {
    fn keys(&self) -> anyhow::Result<&Keys> {
        self.keys.as_ref().context("a role without keys seals nothing")
    }
}

/// The gateway, which strangers speak to, and the portal have no use for keys, so none come into their memory.
fn seals(roles: &[Role]) -> bool {
    let seals = |role: &Role| !matches!(role, Role::Gateway | Role::Portal);
    roles.is_empty() || roles.iter().any(seals)
}

/// Runs these roles (all, if none is named) until a signal.
pub async fn serve(config: Config, roles: &[Role]) -> anyhow::Result<()> {
    if seals(roles) {
        config::check(&config.kek_providers()?).await?;
    }
    let shutdown = CancellationToken::new();
    let platform = Platform::start(&config, roles, shutdown.clone())?;
    if let Some(doors) = &platform.doors {
        tracing::info!(tls = %doors.tls, plain = ?doors.plain, "yunshu is listening");
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        done = tokio::signal::ctrl_c() => done?,
        () = shutdown.cancelled() => {}
    }
    tracing::info!("stopping: requests in flight end first");
    platform.stop().await
}

impl Platform {
    /// Builds the roles, each on its own port, and starts them.
    pub fn start(config: &Config, roles: &[Role], shutdown: CancellationToken) -> anyhow::Result<Self> {
        let key = passport_key(config.upstreams.passport_key.as_deref())?;
        let parts = Parts {
            config,
            key,
            keys: seals(roles).then(|| Keys::open(config)).transpose()?,
            clock: Clock::system(),
            wake: Wake::default(),
            mesh: peers::join(config, roles)?,
        };
        let wanted = |role| roles.is_empty() || roles.contains(&role);
        let mut platform = Self {
            running: JoinSet::new(),
            closing: shutdown.child_token(),
            shutdown,
            databases: Vec::new(),
            doors: None,
        };
        let mut upstreams = upstreams(config);
        if wanted(Role::Identity) {
            upstreams.identity = vec![platform.identity(&parts)?];
        }
        if wanted(Role::Compute) {
            upstreams.compute = vec![platform.compute(&parts)?];
        }
        if wanted(Role::Audit) {
            upstreams.audit = vec![platform.audit(&parts)?];
        }
        if wanted(Role::Notify) {
            upstreams.notify = vec![platform.notify(&parts)?];
        }
        if wanted(Role::Portal) {
            upstreams.portal = vec![platform.portal(&parts)?];
        }
        if wanted(Role::Gateway) {
            platform.gateway(&parts, upstreams)?;
        }
        platform.ring_across();
        Ok(platform)
    }

    /// Stops everything, and says what did not end well.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.closing.cancel();
        if self.doors.is_none() {
            self.shutdown.cancel();
        }
        let mut outcome = Ok(());
        while let Some(ended) = self.running.join_next().await {
            outcome = outcome.and(ended.context("a role panicked").flatten());
        }
        for db in &self.databases {
            db.close().await;
        }
        outcome
    }

    fn database(&mut self, parts: &Parts<'_>, role: &str) -> anyhow::Result<Db> {
        let db = Db::connect(&parts.config.database, role, parts.clock.clone(), parts.wake.clone())?
            .with_keys(parts.keys()?.ring.clone());
        self.databases.push(db.clone());
        Ok(db)
    }

    /// A role that ends by itself takes the process with it: half a platform only looks alive.
    fn run<E: Into<anyhow::Error>>(
        &mut self,
        name: &'static str,
        role: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let shutdown = self.shutdown.clone();
        self.running.spawn(async move {
            let ended = role.await.map_err(Into::into).context(name);
            if let Err(error) = &ended {
                tracing::error!(role = name, "{error:#}");
            }
            shutdown.cancel();
            ended
        });
    }

    /// Commits here wake readers in other processes, and commits there those here.
    fn ring_across(&mut self) {
        let Some(db) = self.databases.first().cloned() else {
            return;
        };
        let shutdown = self.shutdown.clone();
        self.running.spawn(async move {
            tokio::select! { () = shutdown.cancelled() => {}, () = db.ring_across() => {} }
            Ok(())
        });
    }

    fn identity(&mut self, parts: &Parts<'_>) -> anyhow::Result<Url> {
        let db = self.database(parts, "identity")?;
        let deps = identity::Deps {
            db,
            key: parts.key.clone(),
            kek: parts.keys()?.kek.clone(),
            issuer: parts.config.issuer.clone(),
        };
        let service = identity::Service::build(&parts.config.identity, deps).map_err(plain("identity"))?;
        let service = service.secured(peers::tls(parts.mesh.as_ref())?);
        let address = service.address();
        self.run("identity", service.run(self.shutdown.clone()));
        base(parts, address)
    }

    fn compute(&mut self, parts: &Parts<'_>) -> anyhow::Result<Url> {
        let db = self.database(parts, "compute")?;
        let deps = compute::Deps {
            db,
            key: parts.key.clone(),
        };
        let service = compute::Service::build(&parts.config.compute, deps).map_err(plain("compute"))?;
        let service = service.secured(peers::tls(parts.mesh.as_ref())?);
        let address = service.address();
        self.run("compute", service.run(self.shutdown.clone()));
        base(parts, address)
    }

    fn audit(&mut self, parts: &Parts<'_>) -> anyhow::Result<Url> {
        let db = self.database(parts, "audit")?;
        let deps = audit::Deps {
            db,
            feed: parts.config.bus.feed()?,
            key: parts.key.clone(),
            log: audit::Log::open(&parts.config.audit.log)?,
        };
        let service = audit::Service::build(&parts.config.audit, deps).map_err(plain("audit"))?;
        let service = service.secured(peers::tls(parts.mesh.as_ref())?);
        let address = service.address();
        self.run("audit", service.run(self.shutdown.clone()));
        base(parts, address)
    }

    fn notify(&mut self, parts: &Parts<'_>) -> anyhow::Result<Url> {
        let db = self.database(parts, "notify")?;
        let deps = notify::Deps {
            db,
            feed: parts.config.bus.feed()?,
            key: parts.key.clone(),
        };
        let service = notify::Service::build(&parts.config.notify, deps).map_err(plain("notify"))?;
        let service = service.secured(peers::tls(parts.mesh.as_ref())?);
        let address = service.address();
        self.run("notify", service.run(self.shutdown.clone()));
        base(parts, address)
    }

    fn portal(&mut self, parts: &Parts<'_>) -> anyhow::Result<Url> {
        let deps = portal::Deps {
            key: parts.key.clone(),
            clock: parts.clock.clone(),
        };
        let service = portal::Service::build(&parts.config.portal, deps).map_err(plain("portal"))?;
        let service = service.secured(peers::tls(parts.mesh.as_ref())?);
        let address = service.address();
        self.run("portal", service.run(self.shutdown.clone()));
        base(parts, address)
    }

    fn gateway(&mut self, parts: &Parts<'_>, upstreams: Upstreams) -> anyhow::Result<()> {
        let deps = gateway::Deps {
            upstreams,
            passport_key: parts.key.clone(),
            issuer: parts.config.issuer.clone(),
            openapi: serde_json::to_value(openapi::whole())?,
            clock: parts.clock.clone(),
            mesh: parts.mesh.clone(),
            cache: parts.config.cache.open(parts.clock.clone())?,
        };
        let gateway = gateway::Gateway::build(parts.config.gateway.clone(), deps).context("gateway")?;
        self.doors = Some(Doors {
            tls: gateway.tls_address(),
            plain: gateway.plain_address(),
        });
        self.run("gateway", gateway.run(self.closing.clone()));
        Ok(())
    }
}

/// The tenants' keys, one ring for all roles of this process.
pub fn keyring(config: &Config, kek: &Kek) -> anyhow::Result<Keyring> {
    let destroyed = config.crypto.destroyed.as_deref().map(Destroyed::open).transpose()?;
    Ok(Keyring::new(
        config.providers_with_tenants(kek)?,
        Some(kek.clone()),
        destroyed.unwrap_or(Destroyed::unlisted()),
        Clock::system(),
    ))
}

fn plain(role: &'static str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> anyhow::Error {
    move |error| anyhow::anyhow!("{role}: {error}")
}

fn base(parts: &Parts<'_>, address: std::net::SocketAddr) -> anyhow::Result<Url> {
    let scheme = if parts.mesh.is_some() { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{address}")).context("an address makes a URL")
}

fn upstreams(config: &Config) -> Upstreams {
    let elsewhere = config.upstreams.clone();
    Upstreams {
        identity: elsewhere.identity,
        compute: elsewhere.compute,
        audit: elsewhere.audit,
        notify: elsewhere.notify,
        portal: elsewhere.portal,
    }
}

fn passport_key(file: Option<&Path>) -> anyhow::Result<Key> {
    let Some(file) = file else { return Ok(Key::random()) };
    Ok(Key::new(&*crypto::read_key(file)?))
}
