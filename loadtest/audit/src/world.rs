//! A database with tenants, and the audit service on it.

use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use audit::{Deps, Log, Service, Settings};
use db::Db;
use events::Feed;
use testkit::{Bench, TestTenant};
use tlog::PublicKey;
use tokio::task::JoinSet;

use crate::store::{self, Sql};

pub struct World {
    pub bench: Bench,
    /// As a service records.
    pub db: Db,
    pub tenants: Vec<TestTenant>,
    service: JoinSet<Result<(), std::io::Error>>,
    audit: Option<Db>,
    folder: tempfile::TempDir,
}

impl World {
    /// A fresh one, behind a checkpoint of the database's.
    pub async fn new(tenants: usize) -> anyhow::Result<Self> {
        let bench = Bench::new().await;
        let db = bench.db("identity");
        let mut world = Self {
            db,
            tenants: Vec::new(),
            service: JoinSet::new(),
            audit: None,
            folder: tempfile::tempdir()?,
            bench,
        };
        for number in 0..tenants {
            let tenant = world.bench.tenant(&format!("t{number}")).await;
            world.db.keys(tenant.id).await?;
            world.tenants.push(tenant);
        }
        store::settle(&mut world.bench.superuser().await).await?;
        Ok(world)
    }

    pub async fn superuser(&self) -> Sql {
        self.bench.superuser().await
    }

    /// Starts the whole service: it numbers, seals, lets trees grow, signs, copies checkpoints out, and answers.
    pub fn start(&mut self) -> anyhow::Result<(SocketAddr, PublicKey)> {
        let log = Log::new("bench/audit", &[7; 32])?;
        let key = log.public();
        let db = self.bench.db("audit");
        let deps = Deps {
            db: db.clone(),
            feed: Feed::postgres(),
            key: self.bench.key.clone(),
            log,
        };
        let mut settings = Settings::default();
        settings.log.checkpoints = Some(self.folder.path().to_owned());
        let service = Service::build(&settings, deps).map_err(|error| anyhow!(error))?;
        let address = service.address();
        self.service.spawn(service.run(self.bench.shutdown.clone()));
        self.audit = Some(db);
        Ok((address, key))
    }

    /// Ends it in order, and every connection with it.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.bench.shutdown.cancel();
        while let Some(ended) = self.service.join_next().await {
            ended.context("the service panicked")??;
        }
        if let Some(db) = self.audit.take() {
            db.close().await;
        }
        self.db.close().await;
        Ok(())
    }
}
