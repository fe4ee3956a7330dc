//! A key in a hardware security module, or any other token behind PKCS#11.
//!
//! # What it guarantees
//! The key never leaves the token: one that is not sensitive, or is extractable, is refused, whoever made it. Keys are wrapped
//! by AES-256-GCM inside the token, with a random IV in front and the context as additional data. The PIN comes from a file that
//! others cannot read, and stands in no argument, no environment and no message.
//!
//! Modules block, and some for ever. A call runs on a thread of its own, at most [`AT_ONCE`] of them, and whoever asked is told
//! after [`PATIENCE`] that the token cannot be reached. A call that hangs keeps its place until it returns, so threads do
//! not pile up; when it does return, everything goes on without a restart.
//!
//! A session that is lost (the token was pulled, the network module lost its appliance) is opened anew once, and if that
//! fails the module is initialised anew once. Then the answer is [`KekError::Unavailable`].
//!
//! # What it refuses
//! A wrong PIN is offered to the token once, and not again before the file says another: tokens lock themselves after a few.
//! Two keys of one label, two tokens of one name: neither is guessed between.
//!
//! # What cannot be told apart
//! Many tokens answer a tag that does not fit by the same general error as an illness. Such a token is made to wrap and
//! unwrap something else; if it can, the wrapped key was [`KekError::Unreadable`].

mod connection;
mod failure;
mod gcm;
mod make;
mod module;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::connection::{Connection, WrongPin};
use self::failure::Failure;
use self::module::Module;
use super::{KekError, KekProvider, Pkcs11Settings};

/// How many calls are in the module at a time.
const AT_ONCE: usize = 4;

/// How long a call may take, the wait for its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// The provider.
pub struct Pkcs11 {
    name: String,
    token: Arc<Token>,
    turns: Arc<Semaphore>,
    patience: Duration,
}

struct Token {
    settings: Pkcs11Settings,
    module: Arc<Module>,
    idle: Mutex<Vec<Connection>>,
    wrong: Mutex<WrongPin>,
}

impl Pkcs11 {
    /// The key of these settings. Nothing is asked of the module yet.
    pub fn new(settings: Pkcs11Settings) -> Self {
        Self {
            name: settings.name(),
            token: Arc::new(Token::new(settings)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            patience: PATIENCE,
        }
    }

    /// Makes the key of these settings in its token: AES-256, sensitive, not extractable. A label that is taken is left alone.
    pub async fn make_key(settings: Pkcs11Settings) -> Result<(), KekError> {
        let maker = Self::new(settings);
        maker.turn(Token::make_key).await
    }

    async fn with_key<T: Send + 'static>(
        &self,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, KekError> {
        self.turn(move |token| token.with_key(&work)).await
    }

    /// Waits for a turn and does something that blocks, both within the patience.
    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Token) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, KekError> {
        let done = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            let token = Arc::clone(&self.token);
            tokio::task::spawn_blocking(move || {
                // Given back when the module returns, even if nobody waits for it any more.
                let _turn = turn;
                work(&token)
            })
            .await
        };
        let said = match tokio::time::timeout(self.patience, done).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Failure::Lost("the call broke off".to_owned())),
            Err(_) => Err(Failure::Lost(format!("it does not answer within {:?}", self.patience))),
        };
        said.map_err(|failure| failure.told(&self.name))
    }
}

impl Token {
    fn new(settings: Pkcs11Settings) -> Self {
        Self {
            module: Module::of(Path::new(&settings.module)),
            settings,
            idle: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// In a session that is kept, else in a new one, else in a new one after the module was initialised anew.
    fn with_key<T>(&self, work: &dyn Fn(&Session, ObjectHandle) -> Result<T, Failure>) -> Result<T, Failure> {
        if let Some(done) = self.in_kept(work) {
            match done {
                Err(Failure::Lost(cause)) => tracing::info!(cause, "a session with a token is lost"),
                done => return done,
            }
        }
        let mut generation = 0;
        let done = self.in_new(work, &mut generation);
        let Err(Failure::Lost(cause) | Failure::Missing(cause)) = &done else {
            return done;
        };
        tracing::warn!(cause, "a token does not answer");
        if self.module.renew(generation)? {
            return self.in_new(work, &mut generation);
        }
        done
    }

    fn in_kept<T>(&self, work: &dyn Fn(&Session, ObjectHandle) -> Result<T, Failure>) -> Option<Result<T, Failure>> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let done = self.module.call(|_, generation| {
            if kept.generation == generation {
                self.run(kept, work)
            } else {
                Err(Failure::Lost("the module was initialised anew".to_owned()))
            }
        });
        Some(done)
    }

    fn in_new<T>(
        &self,
        work: &dyn Fn(&Session, ObjectHandle) -> Result<T, Failure>,
        seen: &mut u64,
    ) -> Result<T, Failure> {
        let opened = self.module.connect(|context, generation| {
            *seen = generation;
            let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
            Connection::open((context, generation), &self.settings, &mut wrong)
        })?;
        self.module.call(|_, generation| {
            if opened.generation == generation {
                self.run(opened, work)
            } else {
                Err(Failure::Lost("the module was initialised anew".to_owned()))
            }
        })
    }

    /// Keeps the session afterwards, unless it is lost.
    fn run<T>(
        &self,
        connection: Connection,
        work: &dyn Fn(&Session, ObjectHandle) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = work(&connection.session, connection.key);
        if matches!(done, Err(Failure::Lost(_) | Failure::Missing(_))) {
            drop(connection.session.close());
        } else {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        done
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            let closed = self.module.call(|_, generation| {
                if connection.generation == generation {
                    connection.session.close()?;
                }
                Ok(())
            });
            drop(closed);
        }
    }
}

impl KekProvider for Pkcs11 {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
        let (plain, context) = (Zeroizing::new(*key), context.to_vec());
        Box::pin(self.with_key(move |session, key| gcm::wrap(session, key, plain.as_slice(), &context)))
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>> {
        let (wrapped, context) = (wrapped.to_vec(), context.to_vec());
        Box::pin(async move {
            if wrapped.len() != gcm::WRAPPED {
                return Err(Failure::Unreadable.told(&self.name));
            }
            self.with_key(move |session, key| gcm::unwrap(session, key, &wrapped, &context))
                .await
        })
    }
}

impl fmt::Debug for Pkcs11 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11({})", self.name)
    }
}

#[cfg(test)]
mod tests;
