//! The vendors' libraries in this process.
//!
//! A module is loaded once and stays: some do not survive being unloaded. It is initialised once for all that use it, and
//! that is also what ends it for all, so nobody ends it but [`Module::renew`], while no call is under way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::failure::Failure;

/// How long a module is left in peace after it was initialised.
const PEACE: Duration = Duration::from_secs(1);

static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// One library.
#[derive(Default)]
pub(super) struct Module {
    path: PathBuf,
    running: RwLock<Option<Running>>,
    /// Lists of slots are not safe to ask for twice at a time everywhere.
    connecting: Mutex<()>,
}

struct Running {
    context: Pkcs11,
    /// Handles of sessions are worth nothing to a module that was initialised since, or worse: they may be another's.
    generation: u64,
    since: Instant,
}

impl Module {
    /// The library at this path. It is loaded by the first call.
    pub fn of(path: &Path) -> Arc<Self> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let module = loaded.entry(path.to_owned()).or_insert_with(|| {
            Arc::new(Self {
                path: path.to_owned(),
                ..Self::default()
            })
        });
        Arc::clone(module)
    }

    /// Calls the module while nobody can end it; the number is its generation.
    pub fn call<T>(&self, call: impl FnOnce(&Pkcs11, u64) -> Result<T, Failure>) -> Result<T, Failure> {
        loop {
            let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(running) = running.as_ref() {
                return call(&running.context, running.generation);
            }
            drop(running);
            self.load()?;
        }
    }

    /// Calls it alone.
    pub fn connect<T>(&self, call: impl FnOnce(&Pkcs11, u64) -> Result<T, Failure>) -> Result<T, Failure> {
        self.call(|context, generation| {
            let _turn = self.connecting.lock().unwrap_or_else(PoisonError::into_inner);
            call(context, generation)
        })
    }

    fn load(&self) -> Result<(), Failure> {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            let context = Pkcs11::new(&self.path).map_err(|error| {
                let mend = "install it, or correct the path in the settings";
                Failure::Lost(format!(
                    "the module {} cannot be loaded: {error}; {mend}",
                    self.path.display()
                ))
            })?;
            initialise(&context)?;
            *running = Some(Running {
                context,
                generation: 0,
                since: Instant::now(),
            });
        }
        Ok(())
    }

    /// Ends and initialises the module, as those want it whose token went away; every session is lost by it. Says whether the
    /// module is another now than in `generation`: it stays as it is while somebody calls it, or if it is fresh.
    pub fn renew(&self, generation: u64) -> Result<bool, Failure> {
        let Ok(mut running) = self.running.try_write() else {
            return Ok(false);
        };
        match running.as_mut() {
            Some(running) if running.generation == generation => {
                if running.since.elapsed() < PEACE {
                    return Ok(false);
                }
                // It may have been ended by whoever shares this process; then this fails, and the next line tells.
                drop(running.context.clone().finalize());
                running.since = Instant::now();
                running.generation += 1;
                initialise(&running.context)?;
            }
            _ => {}
        }
        Ok(true)
    }
}

fn initialise(context: &Pkcs11) -> Result<(), Failure> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
