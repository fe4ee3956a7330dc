//! A control plane that only pretends: what tests of a hypervisor talk to.
//!
//! It keeps the rules of `host-api` and nothing else: epochs, the complete set, console tails, disowned orphans. Tests
//! change what is desired and wait, with a deadline, for what is observed.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use host_api::{
    Accepted, ConsoleTail, Desired, DesiredVm, Enrol, Enrolled, Observed, ObservedVm, PlacementEpoch, Remove, Revision,
    STALE_SESSION, Session, SessionEpoch, Sha256, StartSession, Timings,
};
use ids::{HostId, VmId};
use serde_json::json;
use sha2::Digest as _;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use url::Url;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// How long an unchanged set is withheld: long enough to be a long poll, short enough for tests.
const POLL: Duration = Duration::from_millis(100);

/// A running control plane.
pub struct Control {
    server: MockServer,
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

/// What it knows.
#[derive(Debug)]
pub struct State {
    /// The host it answers with.
    pub host_id: HostId,
    /// The newest session.
    pub epoch: SessionEpoch,
    /// Enrolments so far.
    pub enrolled: Vec<Enrol>,
    /// Sessions so far.
    pub sessions: Vec<StartSession>,
    /// What it wants.
    pub desired: Desired,
    /// Reports so far; only the newest is kept.
    pub reports: u64,
    /// The newest report.
    pub observed: Option<Observed>,
    /// What libvirt took for each VM, summed over the reports.
    pub timings: HashMap<VmId, Timings>,
    /// Consoles.
    pub consoles: HashMap<VmId, ConsoleTail>,
    /// Domains that are to go.
    pub disowned: HashMap<VmId, PlacementEpoch>,
    /// Image files by digest.
    pub images: HashMap<String, Vec<u8>>,
    /// Tokens are refused.
    pub closed: bool,
    /// Everything is answered 503.
    pub down: bool,
}

impl State {
    /// The newest report on a VM.
    #[must_use]
    pub fn seen(&self, vm_id: VmId) -> Option<&ObservedVm> {
        self.observed.as_ref()?.vms.iter().find(|vm| vm.vm_id == vm_id)
    }
}

struct Answers {
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

impl Control {
    /// Listens on a port of its own.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            host_id: HostId::mint(),
            epoch: SessionEpoch(0),
            enrolled: Vec::new(),
            sessions: Vec::new(),
            desired: Desired {
                revision: Revision(0),
                vms: Vec::new(),
            },
            reports: 0,
            observed: None,
            timings: HashMap::new(),
            consoles: HashMap::new(),
            disowned: HashMap::new(),
            images: HashMap::new(),
            closed: false,
            down: false,
        }));
        let news = Arc::new(Notify::new());
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(Answers {
                state: state.clone(),
                news: news.clone(),
            })
            .mount(&server)
            .await;
        Self { server, state, news }
    }

    /// Where it listens: what a host takes for its gateway.
    #[must_use]
    pub fn url(&self) -> Url {
        Url::parse(&self.server.uri()).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// Looks at or changes what it knows.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Wants exactly these.
    pub fn want(&self, vms: &[DesiredVm]) {
        let mut state = self.state();
        state.desired = Desired {
            revision: Revision(state.desired.revision.0 + 1),
            vms: vms.to_vec(),
        };
    }

    /// Offers an image file.
    pub fn offer(&self, bytes: Vec<u8>) -> host_api::ImageFile {
        let sha256 = Sha256::of_digest(sha2::Sha256::digest(&bytes).into());
        let size = bytes.len() as u64;
        self.state().images.insert(sha256.to_string(), bytes);
        host_api::ImageFile { sha256, size }
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// When it does not hold before the deadline; says what was known.
    pub async fn until(&self, what: &str, deadline: Duration, holds: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + deadline;
        loop {
            let news = self.news.notified();
            if holds(&self.state()) {
                return;
            }
            if timeout_at(deadline, news).await.is_err() {
                let mut known = String::new();
                let _ = write!(known, "{:#?}", self.state().observed);
                unreachable!("waited in vain: {what}; last report {known}");
            }
        }
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = lock(&self.state);
        if state.down {
            return ResponseTemplate::new(503);
        }
        let path = request
            .url
            .path()
            .strip_prefix("/api/v1/hypervisor/")
            .unwrap_or_default();
        match path {
            "enrol" if state.closed => json(401, &json!({"code": "unauthenticated", "detail": "no such token"})),
            "enrol" => parsed(request, |ask: Enrol| {
                state.enrolled.push(ask);
                json(201, &Enrolled { host_id: state.host_id })
            }),
            "session" => parsed(request, |ask: StartSession| {
                state.sessions.push(ask);
                state.epoch.0 += 1;
                json(
                    200,
                    &Session {
                        epoch: state.epoch,
                        host_id: state.host_id,
                    },
                )
            }),
            "desired" => desired(&state, request),
            "observed" => parsed(request, |report: Observed| {
                let answer = observed(&mut state, report);
                self.news.notify_waiters();
                answer
            }),
            _ => match path.strip_prefix("images/").and_then(|digest| state.images.get(digest)) {
                Some(bytes) => ResponseTemplate::new(200).set_body_bytes(bytes.clone()),
                None => ResponseTemplate::new(404),
            },
        }
    }
}

fn desired(state: &State, request: &Request) -> ResponseTemplate {
    let asked: HashMap<_, _> = request.url.query_pairs().into_owned().collect();
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<i64>().ok());
    if number("epoch") != Some(state.epoch.0) {
        return stale();
    }
    let same = number("revision") == Some(state.desired.revision.0);
    json(200, &state.desired).set_delay(if same { POLL } else { Duration::ZERO })
}

fn observed(state: &mut State, report: Observed) -> ResponseTemplate {
    if report.epoch != state.epoch {
        return stale();
    }
    let mut accepted = Accepted::default();
    for vm in &report.vms {
        if let Some(more) = vm.timings {
            let sum = state.timings.entry(vm.vm_id).or_insert(Timings {
                define_ms: 0,
                start_ms: 0,
            });
            (sum.define_ms, sum.start_ms) = (sum.define_ms + more.define_ms, sum.start_ms + more.start_ms);
        }
        let tail = state.consoles.entry(vm.vm_id).or_default();
        if let Some(chunk) = &vm.console {
            tail.take(chunk);
        }
        accepted.console.push(tail.ack(vm.vm_id));
        if let Some(up_to) = state.disowned.get(&vm.vm_id) {
            accepted.remove.push(Remove {
                vm_id: vm.vm_id,
                up_to: *up_to,
            });
        }
    }
    state.reports += 1;
    state.observed = Some(report);
    json(200, &accepted)
}

fn stale() -> ResponseTemplate {
    json(409, &json!({"code": STALE_SESSION, "detail": "a newer session exists"}))
}

fn json(status: u16, body: &impl serde::Serialize) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn parsed<T: serde::de::DeserializeOwned>(
    request: &Request,
    then: impl FnOnce(T) -> ResponseTemplate,
) -> ResponseTemplate {
    match serde_json::from_slice(&request.body) {
        Ok(body) => then(body),
        Err(error) => json(400, &json!({"code": "invalid", "detail": error.to_string()})),
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
