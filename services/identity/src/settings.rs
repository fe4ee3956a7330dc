use std::net::SocketAddr;

use chrono::TimeDelta;
use serde::Deserialize;

use crate::factor::passkey::PasskeySettings;
use crate::guess::Limits;
use crate::mail::MailSettings;
use crate::password::{Cost, Hasher};
use crate::provider::settings::ProviderSettings;
use crate::session::Lifetimes;
use crate::sms::SmsSettings;

/// What an operator may set for identity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    pub workers: usize,
    /// What one password hash costs. Raising it takes effect on each person's next sign-in.
    pub password: Cost,
    /// Passwords that may wait for a core to be hashed; more are told to come back.
    pub password_queue: usize,
    /// Hours without use after which a session ends.
    pub session_idle_hours: u16,
    /// Days after which a session ends, however much it is used.
    pub session_days: u16,
    /// Days after which the key that signs tokens gets a successor.
    pub signing_key_days: u16,
    /// How often passwords may be guessed.
    pub guesses: Limits,
    /// How letters leave.
    pub mail: MailSettings,
    /// How text messages leave.
    pub sms: SmsSettings,
    /// Where passkeys are good.
    pub passkeys: PasskeySettings,
    /// How far the platform goes to reach identity providers.
    pub providers: ProviderSettings,
}

impl Default for Settings {
    /// 30 days are the longest that NIST 800-63B-4 lets a single factor last.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            password: Cost::default(),
            password_queue: 32,
            session_idle_hours: 24,
            session_days: 30,
            signing_key_days: 90,
            guesses: Limits::default(),
            mail: MailSettings::default(),
            sms: SmsSettings::default(),
            passkeys: PasskeySettings::default(),
            providers: ProviderSettings::default(),
        }
    }
}

impl Settings {
    /// What makes no sense is refused at start.
    pub fn validate(&self) -> Result<(), String> {
        if self.workers == 0 {
            return Err("identity.workers must be at least 1".to_owned());
        }
        if self.session_idle_hours == 0 || self.session_days == 0 || self.signing_key_days == 0 {
            let names = "identity.session_idle_hours, .session_days and .signing_key_days";
            return Err(format!("{names} must be at least 1"));
        }
        let Limits {
            pair,
            address,
            account,
            proof,
        } = self.guesses;
        let limits = [pair, address, account, proof];
        if limits.iter().any(|limit| limit.burst == 0 || limit.refill_seconds == 0) {
            return Err("identity.guesses: every burst and refill_seconds must be at least 1".to_owned());
        }
        Ok(())
    }

    pub(crate) fn hasher(&self) -> Result<Hasher, String> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Hasher::new(self.password, cores, self.password_queue).map_err(|error| format!("identity.password: {error}"))
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        let (idle, most) = (i64::from(self.session_idle_hours), i64::from(self.session_days));
        Lifetimes {
            idle: TimeDelta::hours(idle),
            most: TimeDelta::days(most),
        }
    }

    pub(crate) fn signing_key_age(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.signing_key_days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_nonsense_is_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        let error = Settings {
            session_days: 0,
            ..Settings::default()
        }
        .validate()
        .unwrap_err();
        assert!(error.contains("session_days"), "{error}");
        let cost = Cost {
            memory_kib: 1,
            ..Cost::default()
        };
        let error = Settings {
            password: cost,
            ..Settings::default()
        }
        .hasher()
        .err()
        .unwrap();
        assert!(error.starts_with("identity.password:"), "{error}");
    }
}
