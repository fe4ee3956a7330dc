//! The service as its endpoint tests see it, and a client that reads streams.

pub(crate) mod receiver;
pub(crate) mod sending;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth::action::event;
use auth::{Binding, Caller, Credential, Moment, PLATFORM, Principal, Role, Standing};
use db::{Db, Event, Reason, SystemTx, Wake};
use events::{Consumer, Envelope, Feed, Position};
use ids::{EventId, LetterId, ProjectId, RequestId, SessionId, TenantId, UserId};
use serde::Serialize;
use serde_json::Value;
use testkit::{Bench, Client, TestTenant, eventually};

use crate::hub::Hub;
use crate::service::{Deps, Service};
use crate::settings::Settings;

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
    /// Where another service would commit.
    pub db: Db,
    hub: Arc<Hub>,
}

pub(crate) async fn start() -> Test {
    start_with(Settings::default()).await
}

/// The service on its own database, listening and reading the feed.
pub(crate) async fn start_with(settings: Settings) -> Test {
    start_on(Bench::new().await, settings).await
}

pub(crate) async fn start_on(bench: Bench, settings: Settings) -> Test {
    start_fed(bench, settings, Feed::postgres()).await
}

/// The service in a process of its own: what others commit rings no bell here by itself.
pub(crate) async fn start_apart(feed: Feed) -> Test {
    let test = start_fed(Bench::new().await, Settings::default(), feed).await;
    let connect = test.bench.connect();
    let elsewhere = Db::connect(&connect, "compute", test.bench.clock.clone(), Wake::default()).unwrap();
    Test { db: elsewhere, ..test }
}

async fn start_fed(bench: Bench, settings: Settings, feed: Feed) -> Test {
    let deps = Deps {
        db: bench.db("notify"),
        feed,
        key: bench.key.clone(),
    };
    let service = Service::build(&settings, deps).unwrap();
    let (client, hub) = (bench.client(service.address()), service.hub());
    bench.run(service.run(bench.shutdown.clone()));
    eventually("the feed is read", async || hub.is_reading().then_some(())).await;
    let db = bench.db("compute");
    Test { bench, client, db, hub }
}

/// Something that happened to a machine.
#[derive(Serialize)]
pub(crate) struct Happened {
    id: String,
    project: ProjectId,
}

impl Happened {
    pub fn to(project: ProjectId, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            project,
        }
    }
}

impl Event for Happened {
    const KIND: &'static str = "vm.created";

    fn subject(&self) -> String {
        format!("vm:{}", self.id)
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.project)
    }
}

/// The log was signed for.
#[derive(Serialize)]
pub(crate) struct CheckpointSigned {
    pub size: u64,
}

impl Event for CheckpointSigned {
    const KIND: &'static str = "audit.checkpoint_signed";

    fn subject(&self) -> String {
        format!("checkpoint:{}", self.size)
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}

/// The machine is gone.
#[derive(Serialize)]
pub(crate) struct Gone(pub Happened);

impl Event for Gone {
    const KIND: &'static str = "vm.deleted";

    fn subject(&self) -> String {
        self.0.subject()
    }

    fn project(&self) -> Option<ProjectId> {
        self.0.project()
    }
}

impl Test {
    pub async fn commit(&self, tenant: &TestTenant, event: &impl Event) {
        let mut tx = self.db.system(Reason::Reconcile).await.unwrap();
        tx.emit(tenant.id, event).unwrap();
        tx.commit().await.unwrap();
    }

    /// Removes what is old, once a consumer has read everything; where the removed ends.
    pub async fn sweep(&self, caller: &Caller) -> Position {
        let idle = events::run(Feed::postgres(), self.db.clone(), Idle, self.bench.shutdown.clone());
        let swept = eventually("old events are removed", async || {
            events::sweep_once(&self.db).await.unwrap();
            let mut tx = self.bench.db("notify").read::<event::Stream>(caller).await.unwrap();
            let swept = events::swept(&mut tx).await.unwrap();
            (swept > Position::default()).then_some(swept)
        });
        tokio::select! { () = idle => unreachable!("it reads until the end"), swept = swept => swept }
    }

    /// An open stream of this caller.
    pub async fn listen(&self, caller: &Caller, path: &str, last: Option<&str>) -> Listening {
        let client = self.client.caller(caller);
        let mut request = client.request(reqwest::Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut stream = Listening {
            answer,
            read: String::new(),
        };
        let opening = stream.frame().await;
        assert!(opening.starts_with("retry: 2000\nid: "), "{opening}");
        stream
    }

    pub fn streams(&self) -> usize {
        self.hub.seats()
    }

    /// Waits until that many streams are open.
    pub async fn opened(&self, streams: usize) {
        eventually(&format!("{streams} open streams"), async || {
            (self.streams() == streams).then_some(())
        })
        .await;
    }
}

pub(crate) const WEBHOOKS: &str = "/api/v1/webhooks";
pub(crate) const LETTERS: &str = "/api/v1/system/dead-letters";

/// Dead letters, and those who look at them.
impl Test {
    /// A person of the platform.
    pub fn operator(&self) -> Client {
        let bindings = vec![Binding::role(Role::PlatformOperator, None)];
        let caller = Caller::newcomer(PLATFORM, UserId::mint(), bindings, None, RequestId::mint());
        self.client.caller(&caller)
    }

    /// One whose factor was shown too long ago.
    pub fn stale_operator(&self) -> Client {
        let bindings = vec![Binding::role(Role::PlatformOperator, None)];
        let standing = Standing {
            step_up_minutes: Some(15),
            ..Standing::of(PLATFORM, Principal::User(UserId::mint()), bindings, None)
        };
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let credential = Credential::Session(SessionId::mint());
        let caller = standing.caller(credential, &moment, RequestId::mint()).unwrap();
        self.client.caller(&caller)
    }

    /// Leaves a letter as a consumer would; its id.
    pub async fn letter(&self, tenant: &TestTenant, consumer: &str, kind: &str) -> String {
        let id = LetterId::mint();
        sqlx::query(
            "insert into bus.dead_letters (consumer, event_id, tenant_id, letter_id, kind, subject, data, time, cause, attempts)
             values ($1, $2, $3, $4, $5, 'vm:1', '{\"name\": \"secret\"}', now(), 'the cause', 5)",
        )
        .bind(consumer)
        .bind(EventId::mint())
        .bind(tenant.id)
        .bind(id)
        .bind(kind)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
        id.to_string()
    }

    /// The letters that are there, by id.
    pub async fn letters(&self) -> Vec<String> {
        sqlx::query_scalar("select letter_id::text from bus.dead_letters order by letter_id")
            .fetch_all(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    /// A tenant's audit entries, oldest first.
    pub async fn entries(&self, tenant: TenantId) -> Vec<Value> {
        self.bench.entries(tenant).await
    }

    /// Runs a consumer of the name `audit`, and counts what it applies.
    pub fn audit_consumes(&self) -> Counter {
        let counter = Counter::default();
        let (db, shutdown) = (self.bench.db("audit"), self.bench.shutdown.clone());
        let consumer = counter.clone();
        self.bench.run(async move {
            events::run(Feed::postgres(), db, consumer, shutdown).await;
            Ok(())
        });
        counter
    }
}

#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Consumer for Counter {
    const NAME: &'static str = "audit";

    fn wants(&self, _: &str) -> bool {
        false
    }

    async fn apply(&self, _: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        assert_eq!(event.data["name"], "secret", "it has what operators do not see");
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Reads the feed and does nothing.
struct Idle;

impl Consumer for Idle {
    const NAME: &'static str = "idle";

    fn wants(&self, _: &str) -> bool {
        false
    }

    async fn apply(&self, _: &mut SystemTx, _: &Envelope) -> Result<(), fault::Error> {
        Ok(())
    }
}

pub(crate) struct Listening {
    answer: reqwest::Response,
    /// What was read and is not yet looked at.
    pub read: String,
}

pub(crate) struct Heard {
    pub id: String,
    pub event: String,
    pub data: Value,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Listening {
    async fn more(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk())
            .await
            .expect("something in time")
            .unwrap();
        self.read
            .push_str(std::str::from_utf8(chunk.as_deref().unwrap_or_default()).unwrap());
        chunk.is_some()
    }

    async fn frame(&mut self) -> String {
        loop {
            if let Some((frame, rest)) = self.read.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.read = rest;
                return frame;
            }
            assert!(self.more().await, "the stream ended");
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Heard {
        loop {
            let frame = self.frame().await;
            let field = |name: &str| {
                frame
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            if frame.contains("\ndata: ") {
                let data = serde_json::from_str(&field("data: ")).unwrap();
                return Heard {
                    id: field("id: "),
                    event: field("event: "),
                    data,
                };
            }
        }
    }

    /// Reads to the end.
    pub async fn ended(&mut self) {
        while self.more().await {}
    }
}
