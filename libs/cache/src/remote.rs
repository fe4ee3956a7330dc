use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use crate::circuit::{Circuit, Now};

/// Longer than any healthy Redis takes, and short enough to be waited for once.
const PATIENCE: Duration = Duration::from_millis(200);

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct Address {
    /// `redis://user@host:port`, or `rediss://` for TLS.
    pub url: Url,
    /// The password, if it is not in the URL.
    pub password: Option<SecretString>,
}

/// The address of Redis cannot be one. It is not repeated: there may be a password in it.
#[derive(Debug, thiserror::Error)]
#[error("this is no address of Redis: write redis://user@host:port")]
pub struct NotAnAddress;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// It is not known whether anything was done.
    Away,
    /// What is there is of another kind.
    Wrong,
}

/// In Redis. One connection carries the calls of all.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    client: Client,
    slot: Mutex<Slot>,
    /// Connections up to this one are not used again.
    given_up: AtomicU64,
    circuit: Circuit,
}

#[derive(Default)]
struct Slot {
    number: u64,
    connection: Option<ConnectionManager>,
}

/// A call under way. Dropped before its end, it takes the connection along: the answer that comes after all must not be
/// taken for another's.
struct Call<'a> {
    inner: &'a Inner,
    number: Option<u64>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.inner.given_up.fetch_max(number, Ordering::Relaxed);
        }
    }
}

impl Remote {
    pub fn new(address: &Address) -> Result<Self, NotAnAddress> {
        let mut url = address.url.clone();
        if let Some(password) = &address.password {
            url.set_password(Some(password.expose_secret()))
                .map_err(|()| NotAnAddress)?;
        }
        let client = Client::open(url).map_err(|_| NotAnAddress)?;
        Ok(Self(Arc::new(Inner {
            client,
            slot: Mutex::default(),
            given_up: AtomicU64::new(0),
            circuit: Circuit::default(),
        })))
    }

    /// Sends commands and waits for their answers, not for long; not at all while it is known to be away.
    pub async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Miss> {
        match self.0.circuit.asks(Instant::now()) {
            Now::Ask => return self.send(commands).await,
            Now::Look => self.look(),
            Now::Leave => {}
        }
        Err(Miss::Away)
    }

    /// Looks whether it is back, while nobody waits for it.
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends within its patience, and nobody misses what it did not do"
    )]
    fn look(&self) {
        let remote = self.clone();
        tokio::spawn(async move { remote.send::<Vec<String>>(redis::pipe().cmd("PING")).await });
    }

    async fn send<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Miss> {
        let (inner, asked) = (&*self.0, Instant::now());
        let mut call = Call { inner, number: None };
        let answer = tokio::time::timeout(PATIENCE, inner.send(&mut call, commands)).await;
        let (miss, why) = match answer {
            Ok(Ok(answer)) => {
                call.number = None;
                inner.circuit.worked();
                return Ok(answer);
            }
            Ok(Err(error)) => (miss(&error), error.category().to_owned()),
            Err(_) => (Miss::Away, "no answer in time".to_owned()),
        };
        let now = Instant::now();
        if miss == Miss::Wrong {
            call.number = None;
            inner.circuit.worked();
            self.complain("what is in Redis under a key of ours is not ours");
        } else {
            inner.circuit.failed(asked, now);
            if inner.circuit.complains(now) {
                tracing::warn!(why, "Redis is away: everything is slower and nothing is wrong");
            }
        }
        Err(miss)
    }

    /// Says what is wrong, not more often than it can be read.
    pub fn complain(&self, what: &'static str) {
        if self.0.circuit.complains(Instant::now()) {
            tracing::error!("{what}");
        }
    }
}

impl Inner {
    async fn send<T: FromRedisValue>(&self, call: &mut Call<'_>, commands: &Pipeline) -> RedisResult<T> {
        let (number, mut connection) = self.connection().await?;
        call.number = Some(number);
        commands.query_async(&mut connection).await
    }

    async fn connection(&self) -> RedisResult<(u64, ConnectionManager)> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection
            && slot.number > self.given_up.load(Ordering::Relaxed)
        {
            return Ok((slot.number, connection.clone()));
        }
        slot.connection = None;
        slot.number += 1;
        // It tries once; when to try again is the circuit's to say.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = ConnectionManager::new_with_config(self.client.clone(), config).await?;
        slot.connection = Some(connection.clone());
        Ok((slot.number, connection))
    }
}

/// A value of another kind says nothing against the connection.
fn miss(error: &RedisError) -> Miss {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError)
        | ErrorKind::Extension
        | ErrorKind::UnexpectedReturnType
        | ErrorKind::Parse => Miss::Wrong,
        _ => Miss::Away,
    }
}
