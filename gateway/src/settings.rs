use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

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

/// A token bucket: so many a second, so many at once.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Refill.
    pub per_second: u32,
    /// Size.
    pub burst: u32,
}

/// How often one may ask.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// One client address (an IPv6 /64).
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
            address: Rate {
                per_second: 200,
                burst: 400,
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
            keys_ms: 60_000,
            keys_away_ms: 3_600_000,
            keys_pause_ms: 3_000,
        }
    }
}

/// Settings that cannot be used, with the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Plain HTTP would be readable on the network.
    #[error("gateway.plain = {0}: plain HTTP is served on loopback only; use 127.0.0.1 or [::1], or remove it")]
    PlainInTheOpen(SocketAddr),
    /// A number that must not be 0, or not so large.
    #[error("gateway.{0} must be between {1} and {2}")]
    Range(&'static str, u64, u64),
    /// Not an origin.
    #[error("gateway.origins: {0:?} is not an origin; write scheme://host[:port], nothing after it")]
    Origin(String),
    /// Not a name a certificate can carry.
    #[error("gateway.names: {0:?} is neither a host name nor an address")]
    Name(String),
}

impl Settings {
    /// Refuses what cannot work or is not safe.
    pub fn validate(&self) -> Result<(), Invalid> {
        if let Some(plain) = self.plain.filter(|plain| !plain.ip().to_canonical().is_loopback()) {
            return Err(Invalid::PlainInTheOpen(plain));
        }
        self.ranges()?;
        if let Some(bad) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(Invalid::Origin(bad.clone()));
        }
        match self.names.iter().find(|name| !is_name(name)) {
            Some(bad) => Err(Invalid::Name(bad.clone())),
            None => Ok(()),
        }
    }

    fn ranges(&self) -> Result<(), Invalid> {
        let (sizes, times, rates) = (&self.sizes, &self.deadlines, &self.rates);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let hour = 3_600_000;
        for (name, value, low, high) in [
            ("workers", count(self.workers), 0, 1_024),
            ("connections", count(self.connections), 1, 1_000_000),
            (
                "connections_per_address",
                count(self.connections_per_address),
                1,
                1_000_000,
            ),
            ("in_flight_per_role", count(self.in_flight_per_role), 1, 100_000),
            ("sizes.header_bytes", count(sizes.header_bytes), 1_024, 65_536),
            ("sizes.headers", count(sizes.headers), 16, 96),
            ("sizes.uri_bytes", count(sizes.uri_bytes), 256, 65_000),
            ("sizes.body_bytes", sizes.body_bytes, 1_024, 1 << 30),
            ("sizes.auth_body_bytes", sizes.auth_body_bytes, 1_024, 1 << 30),
            ("deadlines.handshake_ms", times.handshake_ms, 1, hour),
            ("deadlines.head_ms", times.head_ms, 1, hour),
            ("deadlines.body_ms", times.body_ms, 1, hour),
            ("deadlines.keep_alive_ms", times.keep_alive_ms, 1, hour),
            ("deadlines.stalled_ms", times.stalled_ms, 1, hour),
            ("deadlines.connect_ms", times.connect_ms, 1, hour),
            ("deadlines.answer_ms", times.answer_ms, 1, hour),
            ("deadlines.drain_ms", times.drain_ms, 0, hour),
            (
                "rates.address",
                u64::from(rates.address.per_second.min(rates.address.burst)),
                1,
                1 << 30,
            ),
            (
                "rates.auth",
                u64::from(rates.auth.per_second.min(rates.auth.burst)),
                1,
                1 << 30,
            ),
            (
                "rates.tenant",
                u64::from(rates.tenant.per_second.min(rates.tenant.burst)),
                1,
                1 << 30,
            ),
            ("trust.session_ms", self.trust.session_ms, 0, 5_000),
        ] {
            if value < low || value > high {
                return Err(Invalid::Range(name, low, high));
            }
        }
        Ok(())
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
}

pub(crate) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// Settings keep times in milliseconds; everything else takes durations.
pub(crate) const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Settings::default().validate(), Ok(()));
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        for (address, good) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("0.0.0.0:8080", false),
            ("10.0.0.1:8080", false),
            ("[::]:8080", false),
        ] {
            let plain = Some(address.parse().unwrap());
            let valid = Settings {
                plain,
                ..Settings::default()
            }
            .validate();
            assert_eq!(valid.is_ok(), good, "{address}");
        }
    }

    #[test]
    fn origins_and_names_have_one_form() {
        for (origin, good) in [
            ("https://portal.example", true),
            ("http://localhost:5173", true),
            ("https://portal.example/", false),
            ("*", false),
            ("null", false),
            ("https://user@portal.example", false),
        ] {
            assert_eq!(is_origin(origin), good, "{origin}");
        }
        for (name, good) in [
            ("cloud.example", true),
            ("10.0.0.1", true),
            ("::1", true),
            ("a b", false),
            ("", false),
        ] {
            assert_eq!(is_name(name), good, "{name}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let mut settings = Settings::default();
        settings.rates.auth.burst = 0;
        assert_eq!(settings.validate(), Err(Invalid::Range("rates.auth", 1, 1 << 30)));
    }
}
