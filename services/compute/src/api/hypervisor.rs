//! What hosts ask and say (`libs/host-api`), by their client certificate.
//!
//! The gateway proves that the caller holds the certificate's key; whose certificate it is is said here, by the
//! fingerprint that enrolment bound. A host is known by nothing it sends: neither id nor name is in a request.

pub mod desired;
pub mod enrol;
pub mod image;
pub mod observed;
pub mod session;

use db::SystemTx;
use fault::Kind;
use host_api::SessionEpoch;

use crate::store::host_reports::{self, Speaker};

/// The host that speaks. Removed hosts and strangers hear the same.
async fn speaker(tx: &mut SystemTx, fingerprint: &str) -> Result<Speaker, fault::Error> {
    let found = host_reports::lookup(tx, fingerprint).await?;
    found.ok_or_else(|| fault::Error::unauthenticated("This certificate belongs to no host; enrol with a new token."))
}

/// Refuses a process that was replaced by a newer one. One that is ahead is believed: the database came back from a
/// backup that had not heard of it yet.
fn must_be_newest(speaker: &Speaker, epoch: SessionEpoch) -> Result<(), fault::Error> {
    if epoch.0 >= speaker.epoch { Ok(()) } else { Err(stale()) }
}

fn stale() -> fault::Error {
    fault::Error::new(
        Kind::StaleSession,
        "A newer process speaks for this host: this one must stop.",
    )
}
