//! What settings are refused, and how to mend them.

use std::net::{IpAddr, SocketAddr};

use super::Settings;

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
            (
                "sizes.hypervisor_body_bytes",
                sizes.hypervisor_body_bytes,
                1_024,
                1 << 30,
            ),
            ("deadlines.handshake_ms", times.handshake_ms, 1, hour),
            ("deadlines.head_ms", times.head_ms, 1, hour),
            ("deadlines.body_ms", times.body_ms, 1, hour),
            ("deadlines.keep_alive_ms", times.keep_alive_ms, 1, hour),
            ("deadlines.stalled_ms", times.stalled_ms, 1, hour),
            ("deadlines.connect_ms", times.connect_ms, 1, hour),
            ("deadlines.answer_ms", times.answer_ms, 1, hour),
            ("deadlines.drain_ms", times.drain_ms, 0, hour),
            (
                "rates.connections",
                u64::from(rates.connections.per_second.min(rates.connections.burst)),
                1,
                1 << 30,
            ),
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

/// Can a certificate carry it?
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
