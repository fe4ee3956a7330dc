//! The connection to libvirt.
//!
//! libvirt's calls block, some for seconds, and a wedged QEMU monitor blocks one for ever. The calls of a link are made by one
//! thread over one connection, in order; the caller waits with a deadline. A thread that outlives its caller's patience is left to
//! its fate, with its connection, and the next call gets a new pair. A connection that died (libvirtd was restarted) is
//! noticed by the call that fails, and the next one opens another; keep-alives make a frozen libvirtd look dead.
//!
//! A call whose answer was lost may have happened. That is judged by looking, as everything is.

use std::{
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    thread,
    time::Duration,
};

use host_api::{ErrorCode, ObservedError};
use tokio::{sync::oneshot, time::timeout};
use virt::{
    connect::Connect,
    error::{Error, ErrorNumber},
};

/// The longest a caller waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// Seconds between keep-alives, and how many may be missed.
const KEEP_ALIVE: (i32, u32) = (5, 3);

type Call = Box<dyn FnOnce(&mut Slot) + Send>;

/// A line to libvirt.
pub struct Link {
    uri: String,
    thread: Mutex<mpsc::Sender<Call>>,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// libvirt said no.
    #[error("{0}")]
    Said(Error),
    /// libvirt is not there.
    #[error("libvirt does not answer: {0}")]
    Away(String),
}

impl Failure {
    /// For the report: `code` is what the call was for.
    pub fn observed(&self, code: ErrorCode) -> ObservedError {
        match self {
            Self::Said(error) => ObservedError::new(code, error.message()),
            Self::Away(_) => ObservedError::new(ErrorCode::LibvirtUnavailable, self),
        }
    }
}

/// Whether libvirt said that there is no such domain.
pub fn is_no_domain(error: &Error) -> bool {
    error.code().is_known_and(|code| code == ErrorNumber::NoDomain)
}

impl Link {
    /// Starts the thread; the connection is opened by the first call.
    pub fn new(uri: &str) -> Self {
        events();
        Self {
            uri: uri.to_owned(),
            thread: Mutex::new(begin(uri)),
        }
    }

    /// Runs a call on the thread.
    pub async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job: Call = Box::new(move |slot| drop(answer.send(slot.run(call))));
        self.send(job);
        match timeout(PATIENCE, answered).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                self.replace();
                Err(Failure::Away("the connection's thread died".to_owned()))
            }
            Err(_) => {
                self.replace();
                Err(Failure::Away(format!("no answer in {} s", PATIENCE.as_secs())))
            }
        }
    }

    fn send(&self, job: Call) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(mpsc::SendError(job)) = thread.send(job) {
            *thread = begin(&self.uri);
            // To a thread that was just begun; if it is dead too, the caller hears so.
            let _ = thread.send(job);
        }
    }

    fn replace(&self) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = begin(&self.uri);
    }
}

fn begin(uri: &str) -> mpsc::Sender<Call> {
    let (calls, queue) = mpsc::channel::<Call>();
    let mut slot = Slot {
        uri: uri.to_owned(),
        connection: None,
    };
    let started = thread::Builder::new().name("libvirt".to_owned()).spawn(move || {
        while let Ok(call) = queue.recv() {
            call(&mut slot);
        }
    });
    if let Err(error) = started {
        tracing::error!(%error, "cannot start a thread for libvirt");
    }
    calls
}

/// What the thread owns.
struct Slot {
    uri: String,
    connection: Option<Connect>,
}

impl Slot {
    fn run<T>(&mut self, call: impl FnOnce(&Connect) -> Result<T, Error>) -> Result<T, Failure> {
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.is_alive().unwrap_or(false))
        {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&self.uri).map_err(|error| Failure::Away(error.message().to_owned()))?,
        };
        let done = call(&connection);
        match done {
            Err(error) if !connection.is_alive().unwrap_or(false) => Err(Failure::Away(error.message().to_owned())),
            done => {
                self.connection = Some(connection);
                done.map_err(Failure::Said)
            }
        }
    }
}

fn open(uri: &str) -> Result<Connect, Error> {
    let connection = Connect::open(Some(uri))?;
    // The fake driver has none; that is its only way to differ.
    let _ = connection.set_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1);
    tracing::info!(uri, "connected to libvirt");
    Ok(connection)
}

/// libvirt's event loop, once per process and before the first connection: it sends the keep-alives.
fn events() {
    static LOOP: OnceLock<()> = OnceLock::new();
    LOOP.get_or_init(|| {
        // Every error comes back as a value; the default handler would print it as well.
        virt::error::clear_error_callback();
        if let Err(error) = virt::event::event_register_default_impl() {
            tracing::warn!(%error, "no keep-alives: libvirt's event loop did not start");
            return;
        }
        let started = thread::Builder::new()
            .name("libvirt-events".to_owned())
            .spawn(|| while virt::event::event_run_default_impl().is_ok() {});
        if let Err(error) = started {
            tracing::warn!(%error, "no keep-alives: libvirt's event loop did not start");
        }
    });
}
