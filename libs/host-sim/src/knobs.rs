use std::{sync::Arc, time::Duration};

use host_api::{Capacity, Sha256};
use reqwest::RequestBuilder;

/// Adds to each request what the gateway would have: the caller, known by the SHA-256 of its certificate.
pub type Sign = Arc<dyn Fn(RequestBuilder, &Sha256) -> RequestBuilder + Send + Sync>;

/// What a simulated host is like.
#[derive(Clone)]
pub struct Knobs {
    /// The name it enrols under.
    pub name: String,
    /// What it has. Not enforced: keeping to it is the scheduler's duty, and `allotted` shows whether it does.
    pub capacity: Capacity,
    /// Chooses the faults; equal seeds fail alike, in whatever order VMs are worked on.
    pub seed: u64,
    /// How long each step takes.
    pub delay: Duration,
    /// How likely a step fails, 0 to 1. Half of the failing steps have their effect all the same.
    pub failure: f64,
    /// Every kind of step fails the first time it is taken for a VM.
    pub each_fails_once: bool,
    /// Download and check image files as a real host does.
    pub fetch_images: bool,
    /// The only certificates trusted, PEM: needed over the gateway, where the own client certificate proves who it is.
    pub roots: Option<String>,
    /// Proves who it is where there is no gateway.
    pub sign: Option<Sign>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            name: "simulated".to_owned(),
            capacity: Capacity {
                vcpus: 8,
                memory_mib: 16 * 1024,
                disk_gib: 200,
            },
            seed: 0,
            delay: Duration::ZERO,
            failure: 0.0,
            each_fails_once: false,
            fetch_images: false,
            roots: None,
            sign: None,
        }
    }
}
