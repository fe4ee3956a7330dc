//! The service as its endpoint tests see it, and a client that reads streams.

use std::sync::Arc;
use std::time::Duration;

use auth::Caller;
use auth::action::event;
use db::{Db, Event, Reason, SystemTx};
use events::{Consumer, Envelope, Position};
use ids::ProjectId;
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
    let deps = Deps {
        db: bench.db("notify"),
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
        let idle = events::run(self.db.clone(), Idle, self.bench.shutdown.clone());
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
