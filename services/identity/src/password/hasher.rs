//! Argon2id (RFC 9106) off the event loop.
//!
//! # What it guarantees
//! As many hashes at a time as there are cores, a short queue before them, and past that [`Error::Busy`] at once: a flood of
//! sign-ins costs a bounded amount of memory and time. A place is held until the hash has really ended, also when the
//! client is gone. Whether a person exists cannot be told by the clock: without a hash to compare, one of the same cost
//! is computed and thrown away.

mod memory;

use std::sync::Arc;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::memory::Memory;
use super::{NewPassword, Password, Refused};

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB, two passes, one lane: OWASP's recommendation, 23 ms on the machine it was measured on.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// Why there is no hash and no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// All cores hash and the queue before them is full.
    #[error("too many passwords are being checked")]
    Busy,
    /// The password is not one to be chosen.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The kept hash or the cost makes no sense.
    #[error("cannot hash: {0}")]
    Broken(#[from] argon2::password_hash::Error),
    /// The process is ending.
    #[error("the hashing thread is gone")]
    Gone,
}

/// What comparing said.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password, or there is nobody to have one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one; keep this hash instead, the old one was cheaper than today's cost.
    Outgrown(String),
}

/// Hashes and compares passwords.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    memory: Arc<Memory>,
    nobody: Arc<str>,
}

impl Hasher {
    /// A hasher of this cost on `cores` cores with a queue of `waiting`.
    pub fn new(cost: Cost, cores: usize, waiting: usize) -> Result<Self, Error> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(argon2::password_hash::Error::from)?;
        // Nobody knows a password for it: it is the hash of 32 random bytes.
        let memory = Memory::new(&params);
        let nobody = memory.with(|blocks| hash(&params, &crypto::random::<32>(), blocks))?;
        Ok(Self {
            params,
            memory: Arc::new(memory),
            queue: Arc::new(Semaphore::new(cores + waiting)),
            cores: Arc::new(Semaphore::new(cores)),
            nobody: nobody.into(),
        })
    }

    /// A place in the queue, or [`Error::Busy`] at once. Taken before anything else is done for the request.
    pub fn turn(&self) -> Result<Turn, Error> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| Error::Busy)?;
        Ok(Turn {
            hasher: self.clone(),
            place,
        })
    }
}

/// The right to one hash.
pub struct Turn {
    hasher: Hasher,
    place: OwnedSemaphorePermit,
}

impl Turn {
    /// Judges a new password; the hash to keep for it, as a PHC string.
    pub async fn hash(self, new: NewPassword) -> Result<String, Error> {
        let params = self.hasher.params.clone();
        let judge_and_hash = move |blocks: &mut Vec<Block>| {
            new.judge()?;
            Ok(hash(&params, &new.password.bytes(), blocks)?)
        };
        self.run(judge_and_hash).await
    }

    /// Judges a new password that must be none of `former`, kept hashes; the hash to keep for it. All are compared in this
    /// one turn, so many former ones cost time and no other's place.
    pub async fn hash_unlike(self, new: NewPassword, former: Vec<String>) -> Result<String, Error> {
        let params = self.hasher.params.clone();
        let judge_and_hash = move |blocks: &mut Vec<Block>| {
            new.judge()?;
            let bytes = new.password.bytes();
            for kept in &former {
                if compare(&params, &bytes, kept, blocks)? != Verdict::Wrong {
                    return Err(Refused::Reused.into());
                }
            }
            Ok(hash(&params, &bytes, blocks)?)
        };
        self.run(judge_and_hash).await
    }

    /// Compares a password with the kept hash, or with nobody's at the same cost.
    pub async fn compare(self, password: &Password, kept: Option<&str>) -> Result<Verdict, Error> {
        let (params, bytes) = (self.hasher.params.clone(), password.bytes());
        let known = kept.is_some();
        let kept = kept.unwrap_or(&self.hasher.nobody).to_owned();
        let verdict = self
            .run(move |blocks| Ok(compare(&params, &bytes, &kept, blocks)?))
            .await?;
        // Asked after the work, so that it takes as long either way.
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let core = Arc::clone(&self.hasher.cores)
            .acquire_owned()
            .await
            .map_err(|_| Error::Gone)?;
        let hashing = tokio::task::spawn_blocking(move || {
            let done = self.hasher.memory.with(work);
            drop((self.place, core));
            done
        });
        hashing.await.map_err(|_| Error::Gone)?
    }
}

impl Error {
    /// For the wire; a password that cannot be chosen is the fault of the field at `pointer`.
    pub fn at(self, pointer: &str) -> fault::Error {
        match self {
            Self::Refused(refused) => fault::Error::invalid(pointer, refused.to_string()),
            other => other.into(),
        }
    }
}

impl From<Error> for fault::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(_) => error.at("/password"),
            Error::Busy => {
                let detail = "Many people are signing in right now; try again in a moment.";
                Self::new(fault::Kind::TooManyRequests, detail).retry_after(1)
            }
            Error::Broken(_) => Self::internal(error),
            Error::Gone => Self::unavailable("The service is restarting.", 2).private(error),
        }
    }
}

type Fallible<T> = Result<T, argon2::password_hash::Error>;

/// A PHC string.
fn hash(params: &Params, password: &[u8], blocks: &mut Vec<Block>) -> Fallible<String> {
    let salt = crypto::random::<{ Salt::RECOMMENDED_LENGTH }>();
    let output = compute(Algorithm::Argon2id, Version::V0x13, params, (password, &salt), blocks)?;
    let kept = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into()?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(output),
    };
    Ok(kept.to_string())
}

fn compare(params: &Params, password: &[u8], kept: &str, blocks: &mut Vec<Block>) -> Fallible<Verdict> {
    let parsed = PasswordHash::new(kept)?;
    let was = Params::try_from(&parsed)?;
    let (Some(salt), Some(hash_of_then)) = (&parsed.salt, &parsed.hash) else {
        return Err(argon2::password_hash::Error::EncodingInvalid);
    };
    let version = parsed.version.map_or(Ok(Version::default()), Version::try_from)?;
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str())?;
    let output = compute(algorithm, version, &was, (password, salt), blocks)?;
    // In constant time: `Output` says so.
    if output != *hash_of_then {
        return Ok(Verdict::Wrong);
    }
    let outgrown = was.m_cost() < params.m_cost() || was.t_cost() < params.t_cost();
    if outgrown {
        hash(params, password, blocks).map(Verdict::Outgrown)
    } else {
        Ok(Verdict::Right)
    }
}

fn compute(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    (password, salt): (&[u8], &[u8]),
    blocks: &mut Vec<Block>,
) -> Fallible<Output> {
    #[cfg(test)]
    work::note(params);
    if blocks.len() < params.block_count() {
        blocks.resize(params.block_count(), Block::default());
    }
    let mut bytes = zeroize::Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
    Argon2::new(algorithm, version, params.clone()).hash_password_into_with_memory(
        password,
        salt,
        &mut *bytes,
        blocks,
    )?;
    Ok(Output::new(&*bytes)?)
}

/// What was hashed, for tests of what must cost the same. Each such test has a memory cost of its own, by which it tells
/// its hashes from those of others.
#[cfg(test)]
pub(crate) mod work {
    use std::sync::Mutex;

    use argon2::Params;

    static DONE: Mutex<Vec<(u32, u32, u32)>> = Mutex::new(Vec::new());

    pub(super) fn note(params: &Params) {
        let cost = (params.m_cost(), params.t_cost(), params.p_cost());
        DONE.lock().unwrap().push(cost);
    }

    /// Passes and lanes of each hash of this memory cost since this was last asked.
    pub fn take(memory_kib: u32) -> Vec<(u32, u32)> {
        let mut done = DONE.lock().unwrap();
        let ours = done.extract_if(.., |(memory, ..)| *memory == memory_kib);
        ours.map(|(_, passes, lanes)| (passes, lanes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    fn password(text: &str) -> Password {
        Password::typed(&SecretString::from(text)).unwrap()
    }

    fn new(text: &str) -> NewPassword {
        NewPassword::check(&SecretString::from(text), &[]).unwrap()
    }

    const RIGHT: &str = "correct horse battery staple";

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = Hasher::new(CHEAP, 1, 1).unwrap();
        let kept = hasher.turn().unwrap().hash(new(RIGHT)).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kept}");
        assert_eq!(
            hasher
                .turn()
                .unwrap()
                .compare(&password(RIGHT), Some(&kept))
                .await
                .unwrap(),
            Verdict::Right
        );
        assert_eq!(
            hasher
                .turn()
                .unwrap()
                .compare(&password("wrong"), Some(&kept))
                .await
                .unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            hasher.turn().unwrap().compare(&password(RIGHT), None).await.unwrap(),
            Verdict::Wrong
        );
        assert_ne!(kept, hasher.turn().unwrap().hash(new(RIGHT)).await.unwrap(), "salted");
    }

    #[test]
    fn memory_that_was_used_before_changes_nothing() {
        let argon2 = |passes| Params::new(64, passes, 1, None).unwrap();
        let mut used = vec![Block::default(); 80];
        let kept = hash(&argon2(3), RIGHT.as_bytes(), &mut used).unwrap();
        for blocks in [&mut used, &mut Vec::new()] {
            let verdict = |password: &str, blocks: &mut Vec<Block>| {
                compare(&argon2(3), password.as_bytes(), &kept, blocks).unwrap()
            };
            assert_eq!(verdict("wrong", blocks), Verdict::Wrong);
            assert_eq!(verdict(RIGHT, blocks), Verdict::Right);
        }
        // The library's own way, in memory of its own, agrees.
        let parsed = PasswordHash::new(&kept).unwrap();
        argon2::password_hash::PasswordVerifier::verify_password(&Argon2::default(), RIGHT.as_bytes(), &parsed)
            .unwrap();
    }

    #[tokio::test]
    async fn a_former_password_is_not_taken_again() {
        let hasher = Hasher::new(CHEAP, 1, 1).unwrap();
        let mut former = Vec::new();
        for text in [RIGHT, "seven lamps in the harbour"] {
            former.push(hasher.turn().unwrap().hash(new(text)).await.unwrap());
        }
        for text in [RIGHT, "seven lamps in the harbour"] {
            let again = hasher.turn().unwrap().hash_unlike(new(text), former.clone()).await;
            assert!(matches!(again, Err(Error::Refused(Refused::Reused))), "{text}");
        }
        let fresh = new("eleven crows over the mill");
        hasher.turn().unwrap().hash_unlike(fresh, former).await.unwrap();
    }

    #[tokio::test]
    async fn a_hash_cheaper_than_todays_is_made_anew() {
        let kept = Hasher::new(CHEAP, 1, 1)
            .unwrap()
            .turn()
            .unwrap()
            .hash(new(RIGHT))
            .await
            .unwrap();
        let dearer = Hasher::new(
            Cost {
                memory_kib: 128,
                ..CHEAP
            },
            1,
            1,
        )
        .unwrap();
        assert_eq!(
            dearer
                .turn()
                .unwrap()
                .compare(&password("wrong"), Some(&kept))
                .await
                .unwrap(),
            Verdict::Wrong
        );
        let Verdict::Outgrown(new) = dearer
            .turn()
            .unwrap()
            .compare(&password(RIGHT), Some(&kept))
            .await
            .unwrap()
        else {
            panic!("a cheaper hash stays");
        };
        assert_eq!(
            dearer
                .turn()
                .unwrap()
                .compare(&password(RIGHT), Some(&new))
                .await
                .unwrap(),
            Verdict::Right
        );
    }

    #[tokio::test]
    async fn what_does_not_fit_the_queue_is_refused_at_once() {
        let hasher = Hasher::new(CHEAP, 1, 1).unwrap();
        let (first, second) = (hasher.turn().unwrap(), hasher.turn().unwrap());
        assert!(matches!(hasher.turn(), Err(Error::Busy)));
        let (first, second) = tokio::join!(first.hash(new(RIGHT)), second.hash(new(RIGHT)));
        assert!(first.is_ok() && second.is_ok());
        assert!(hasher.turn().is_ok(), "the places are free again");
    }

    #[tokio::test]
    async fn a_client_that_leaves_keeps_its_place_until_the_work_has_ended() {
        let hasher = Hasher::new(Cost::default(), 1, 0).unwrap();
        let mut leaving = Box::pin(hasher.turn().unwrap().hash(new(RIGHT)));
        assert!(futures::poll!(&mut leaving).is_pending());
        drop(leaving);
        assert!(matches!(hasher.turn(), Err(Error::Busy)));
    }

    #[test]
    fn t11_nobody_costs_as_much_as_somebody() {
        let hasher = Hasher::new(Cost::default(), 1, 0).unwrap();
        assert!(hasher.nobody.contains("$m=19456,t=2,p=1$"), "{}", hasher.nobody);
    }
}
