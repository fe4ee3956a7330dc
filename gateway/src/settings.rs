use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cache::Rate;
use serde::Deserialize;

mod check;

pub use check::Invalid;
pub(crate) use check::is_name;

/// What the section `[gateway]` of the configuration says.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where TLS 1.3 is listened for.
    pub tls: SocketAddr,
    /// Where plain HTTP is listened for, if at all. Loopback only.
    pub plain: Option<SocketAddr>,
    /// The folder of the development CA; made at the first start.
    pub pki: PathBuf,
    /// Names and addresses the certificate speaks for, beside localhost and this machine's name.
    pub names: Vec<String>,
    /// Origins whose pages may call the API (CORS), as `https://host[:port]`. None by default.
    pub origins: Vec<String>,
    /// Worker threads; 0 means one per core.
    pub workers: usize,
    /// Open connections, all together.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_address: usize,
    /// Requests under way to one role, per worker; more are refused so that one slow role does not take the others along.
    pub in_flight_per_role: usize,
    /// How large a request may be.
    pub sizes: Sizes,
    /// How long each part of a request may take.
    pub deadlines: Deadlines,
    /// How often one may ask.
    pub rates: Rates,
    /// How long what identity said is believed.
    pub trust: Trust,
    /// How long browsers keep to TLS (HSTS), in seconds.
    pub hsts_s: u64,
}

/// How large a request may be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// Bytes of all header names and values.
    pub header_bytes: usize,
    /// Number of header lines; the parser itself stops at 96.
    pub headers: usize,
    /// Bytes of path and query.
    pub uri_bytes: usize,
    /// Bytes of a body.
    pub body_bytes: u64,
    /// Bytes of a body below `/api/v1/auth`.
    pub auth_body_bytes: u64,
    /// Bytes of a hypervisor's report: all its virtual machines, with what their consoles said.
    pub hypervisor_body_bytes: u64,
}

/// How long each part of a request may take. Milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// The TLS handshake.
    pub handshake_ms: u64,
    /// A request's head, from its first byte (the first head: from the connection's beginning).
    pub head_ms: u64,
    /// A request's body, from its head.
    pub body_ms: u64,
    /// Silence between two requests.
    pub keep_alive_ms: u64,
    /// A client that reads nothing while there is something to read.
    pub stalled_ms: u64,
    /// Connecting to a service.
    pub connect_ms: u64,
    /// A service's answer, from the request to its head, and each pause in its body.
    pub answer_ms: u64,
    /// How long requests under way may take at shutdown.
    pub drain_ms: u64,
}

/// How often one may ask.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// New connections from one client address: a handshake costs more than a request.
    pub connections: Rate,
    /// Requests of one client address (an IPv6 /64).
    pub address: Rate,
    /// Sign-in and sign-up from one address.
    pub auth: Rate,
    /// One tenant.
    pub tenant: Rate,
}

/// How long what identity said is believed. Milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// A session's standing, before it is asked for again: how late a revocation may be felt.
    pub session_ms: u64,
    /// A session's standing, while identity does not answer.
    pub session_away_ms: u64,
    /// Signing keys, before they are asked for again.
    pub keys_ms: u64,
    /// Signing keys, while identity does not answer.
    pub keys_away_ms: u64,
    /// The shortest time between two questions for an unknown key.
    pub keys_pause_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tls: SocketAddr::from(([0, 0, 0, 0], 8443)),
            plain: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            pki: PathBuf::from(".local/pki"),
            names: Vec::new(),
            origins: Vec::new(),
            workers: 0,
            connections: 10_000,
            connections_per_address: 1_000,
            in_flight_per_role: 2_000,
            sizes: Sizes::default(),
            deadlines: Deadlines::default(),
            rates: Rates::default(),
            trust: Trust::default(),
            hsts_s: 31_536_000,
        }
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            headers: 64,
            uri_bytes: 8 * 1024,
            body_bytes: 1024 * 1024,
            auth_body_bytes: 64 * 1024,
            hypervisor_body_bytes: 4 * 1024 * 1024,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake_ms: 5_000,
            head_ms: 10_000,
            body_ms: 30_000,
            keep_alive_ms: 60_000,
            stalled_ms: 30_000,
            connect_ms: 2_000,
            answer_ms: 45_000,
            drain_ms: 30_000,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            connections: Rate {
                per_second: 200,
                burst: 2_000,
            },
            address: Rate {
                per_second: 500,
                burst: 1_000,
            },
            auth: Rate {
                per_second: 10,
                burst: 50,
            },
            tenant: Rate {
                per_second: 500,
                burst: 1_000,
            },
        }
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            session_ms: 4_000,
            session_away_ms: 60_000,
            keys_ms: 5_000,
            keys_away_ms: 3_600_000,
            keys_pause_ms: 3_000,
        }
    }
}

/// Settings keep times in milliseconds; everything else takes durations.
pub(crate) const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}
