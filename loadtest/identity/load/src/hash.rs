//! The bound of sign-in: the same Argon2id, compared on the same cores, with nothing around it.

use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::{Value, json};

use crate::cpu;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 19 * 1024)]
    memory_kib: u32,
    #[arg(long, default_value_t = 2)]
    passes: u32,
    #[arg(long, default_value_t = 1)]
    lanes: u32,
    /// As many at once.
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    seconds: f64,
}

pub fn run(options: &Options) -> anyhow::Result<Value> {
    let broken = |error: argon2::password_hash::Error| anyhow::anyhow!("{error}");
    let params = Params::new(options.memory_kib, options.passes, options.lanes, None);
    let params = params.map_err(|error| anyhow::anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let kept = argon2
        .hash_password_with_salt(b"correct horse battery staple", b"sixteen bytes!!!")
        .map_err(broken)?
        .to_string();

    let (begun, before) = (Instant::now(), cpu::own());
    let end = begun + Duration::from_secs_f64(options.seconds);
    let compare = || {
        let mut count = 0_u64;
        while Instant::now() < end {
            // Parsed each time, as whoever reads it from a database does.
            let right = PasswordHash::new(&kept).is_ok_and(|parsed| {
                Argon2::default()
                    .verify_password(b"correct horse battery staple", &parsed)
                    .is_ok()
            });
            count += u64::from(right);
        }
        count
    };
    let hashes: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(compare)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .sum()
    });
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu::own() - before);
    Ok(json!({"hashes": hashes, "wall_s": wall, "cpu_s": cpu, "per_cpu_s": hashes as f64 / cpu}))
}
