use auth::passport::Key;
use auth::{Binding, Caller, Role};
use clock::Clock;
use crypto::{Destroyed, External, ExternalSettings, Kek, KekProvider, Keyring, NewExternalKey, Providers};
use db::{AuditEvent, Db, Wake};
use ids::{EventId, ProjectId, RequestId, TenantId, UserId};
use serde_json::Value;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::Vault;
use crate::client::Client;
use crate::database::Database;

/// A test's own world: database, clock, keys, and a token that ends what it started.
pub struct Bench {
    database: Database,
    /// The services' clock: the machine's, unless the test holds it.
    pub clock: Clock,
    /// What passports are signed with.
    pub key: Key,
    /// The key-encryption key.
    pub kek: Kek,
    /// Tenants' keys, wrapped by that key.
    pub keyring: Keyring,
    /// What wakes after commits.
    pub wake: Wake,
    /// Cancelled when the bench goes.
    pub shutdown: CancellationToken,
}

/// A tenant with a project `default`.
#[derive(Debug, Clone)]
pub struct TestTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its project's id.
    pub project: ProjectId,
}

impl TestTenant {
    /// A person of this tenant with a role on all of it.
    pub fn caller(&self, role: Role) -> Caller {
        self.caller_with(vec![Binding::role(role, None)])
    }

    /// A person of this tenant with these bindings.
    pub fn caller_with(&self, bindings: Vec<Binding>) -> Caller {
        Caller::newcomer(self.id, UserId::mint(), bindings, None, RequestId::mint())
    }
}

impl Bench {
    /// A fresh world on the machine's clock.
    pub async fn new() -> Self {
        Self::at(Clock::system()).await
    }

    /// A fresh world on this clock.
    pub async fn at(clock: Clock) -> Self {
        // A second installation finds the same provider in place.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        auth::token::install_provider();
        let kek = Kek::new(crypto::random());
        let provider: std::sync::Arc<dyn KekProvider> = std::sync::Arc::new(kek.clone());
        let keyring = Keyring::new(
            Providers::of(provider).with_external(external(&kek)),
            Some(kek.clone()),
            Destroyed::unlisted(),
            clock.clone(),
        );
        Self {
            database: Database::clone_template().await,
            clock,
            key: Key::random(),
            kek,
            keyring,
            wake: Wake::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// The database as the service of this name sees it.
    pub fn db(&self, service: &str) -> Db {
        Db::connect(&self.database.connect(), service, self.clock.clone(), self.wake.clone())
            .expect("options")
            .with_keys(self.keyring.clone())
    }

    /// Where the database is.
    pub fn connect(&self) -> db::Connect {
        self.database.connect()
    }

    /// A superuser's connection: to seed and to look behind the curtain, never to prove isolation.
    pub async fn superuser(&self) -> PgConnection {
        self.database.superuser().await
    }

    /// A new tenant with a project `default`, as identity would have written them.
    pub async fn tenant(&self, name: &str) -> TestTenant {
        let tenant = TestTenant {
            id: TenantId::mint(),
            name: name.to_owned(),
            project: ProjectId::mint(),
        };
        let mut sql = self.superuser().await;
        sqlx::query(
            "insert into identity.tenants (tenant_id, name, display_name, created_at, updated_at)
             values ($1, $2, $2, now(), now())",
        )
        .bind(tenant.id)
        .bind(name)
        .execute(&mut sql)
        .await
        .expect("tenant");
        self.project(&tenant, tenant.project, "default").await;
        tenant
    }

    /// Another project of a tenant.
    pub async fn project(&self, tenant: &TestTenant, project: ProjectId, name: &str) {
        sqlx::query(
            "insert into identity.projects (tenant_id, project_id, name, created_at, updated_at)
             values ($1, $2, $3, now(), now())",
        )
        .bind(tenant.id)
        .bind(project)
        .bind(name)
        .execute(&mut self.superuser().await)
        .await
        .expect("project");
    }

    /// Runs a service until the bench goes.
    pub fn run(&self, service: impl Future<Output = Result<(), std::io::Error>> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "the bench's token ends it")]
        tokio::spawn(async move { service.await.expect("the service ends in order") });
    }

    /// Action and outcome of each audit entry of a tenant as services wrote them, oldest first.
    pub async fn audit(&self, tenant: TenantId) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = self.entries(tenant).await;
        entries
            .iter()
            .map(|entry| (text(&entry["action"]), text(&entry["outcome"])))
            .collect()
    }

    /// Each audit entry of a tenant as services wrote it, oldest first.
    pub async fn entries(&self, tenant: TenantId) -> Vec<Value> {
        let entries = self.told(Some(tenant)).await;
        entries
            .iter()
            .map(|entry| serde_json::to_value(entry).expect("JSON"))
            .collect()
    }

    /// The audit entries on the bus, opened.
    async fn told(&self, of: Option<TenantId>) -> Vec<AuditEvent> {
        let rows: Vec<(TenantId, EventId, i32, Value)> = sqlx::query_as(
            "select tenant_id, event_id, version, data from bus.outbox
             where kind = $1 and ($2::uuid is null or tenant_id = $2) order by xact, seq",
        )
        .bind(db::AUDIT)
        .bind(of)
        .fetch_all(&mut self.superuser().await)
        .await
        .expect("reads");
        let db = self.db("audit");
        let mut told = Vec::new();
        for (tenant, id, version, data) in rows {
            let keys = db.keys(tenant).await;
            match db::opened(db.keyring(), (tenant, id), version.unsigned_abs(), &data) {
                Ok(entries) => told.extend(entries),
                // Gone with its tenant's key.
                Err(_) if keys.is_err() => {}
                Err(error) => panic!("an entry does not open: {error:?}"),
            }
        }
        told
    }

    /// All rows of a table as text, to look for what must not be there. Of the bus, what its audit entries tell as well.
    pub async fn dump(&self, table: &str) -> String {
        let mut rows = self.rows(table).await;
        if table == "bus.outbox" {
            let told = self.told(None).await;
            rows.extend(told.iter().map(|entry| serde_json::to_string(entry).expect("JSON")));
        }
        rows.join("\n")
    }

    /// All rows of a table as text, as they lie on the disk.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        let query = sqlx::AssertSqlSafe(format!("select t::text from {table} t"));
        sqlx::query_scalar(query)
            .fetch_all(&mut self.superuser().await)
            .await
            .expect("reads")
    }

    /// Does to a tenant (`$1`) what no endpoint does yet.
    pub async fn alter(&self, sql: &'static str, tenant: TenantId) {
        sqlx::query(sql)
            .bind(tenant)
            .execute(&mut self.superuser().await)
            .await
            .expect("alters");
    }

    /// Writes a row of a tenant (`$1`) with this id (`$2`) and name (`$3`), as its endpoint would have.
    pub async fn seed(&self, sql: &'static str, tenant: TenantId, id: ids::uuid::Uuid, name: &str) {
        sqlx::query(sql)
            .bind(tenant)
            .bind(id)
            .bind(name)
            .execute(&mut self.superuser().await)
            .await
            .expect("seeds");
    }

    /// Has a tenant keep its key itself, as identity would have written it.
    pub async fn keeps_its_key(&self, tenant: TenantId, vault: &Vault, token: &str) {
        self.db("identity").keys(tenant).await.expect("keys");
        let mut sql = self.superuser().await;
        let kept = db::wrapped_keys(&mut sql, tenant).await.expect("reads").expect("keys");
        let typed = NewExternalKey {
            url: vault.url(),
            mount: "transit".to_owned(),
            key: "kek".to_owned(),
            namespace: None,
            ca: None,
            token: token.to_owned().into(),
        };
        let external = self.keyring.providers().external().expect("external");
        let key = external.keep(tenant, &typed).expect("a key");
        let next = self.keyring.moved(&kept, Some(key.clone())).await.expect("it is well");
        sqlx::query(
            "update keys.tenant_keys set version = $2, wrapped = $3, provider = 'external' where tenant_id = $1",
        )
        .bind(tenant)
        .bind(next.tenant.version.cast_signed())
        .bind(&next.tenant.wrapped)
        .execute(&mut sql)
        .await
        .expect("writes");
        for data in &next.data {
            sqlx::query(
                "insert into keys.data_keys (tenant_id, purpose, epoch, wrapped, tenant_key_version, created_at)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (tenant_id, purpose, epoch) do update set wrapped = excluded.wrapped",
            )
            .bind(tenant)
            .bind(i16::from(data.purpose.number()))
            .bind(data.epoch.cast_signed())
            .bind(&data.wrapped)
            .bind(next.tenant.version.cast_signed())
            .bind(data.created_at)
            .execute(&mut sql)
            .await
            .expect("writes");
        }
        sqlx::query(
            "insert into keys.external_keys (tenant_id, url, mount, key_name, token, set_at, state_since, checked_at, renewed_at)
             values ($1, $2, $3, $4, $5, now(), now(), now(), now())",
        )
        .bind(tenant)
        .bind(&key.url)
        .bind(&key.mount)
        .bind(&key.key)
        .bind(&key.token)
        .execute(&mut sql)
        .await
        .expect("writes");
        self.keyring.forget(tenant);
    }

    /// A client of a service that listens there, signing passports like the gateway.
    pub fn client(&self, address: std::net::SocketAddr) -> Client {
        Client::new(format!("http://{address}"), self.key.clone(), self.clock.clone())
    }
}

/// What reaches key servers of tenants: those on this machine, as an operator may allow it.
#[must_use]
pub fn external(kek: &Kek) -> External {
    let settings = ExternalSettings {
        networks: vec!["127.0.0.0/8".parse().expect("a network")],
        ports: (1_024..=u16::MAX).collect(),
        roots: None,
        plain_http: true,
    };
    External::new(settings, kek.clone()).expect("a client")
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
