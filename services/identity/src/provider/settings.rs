//! How far the platform goes to reach providers: the operator's word.

use std::path::PathBuf;
use std::time::Duration;

use egress::Limits;
use fault::FieldError;
use ipnetwork::IpNetwork;
use serde::Deserialize;

/// The longest issuer.
const LONGEST: usize = 500;

/// `[identity.providers]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSettings {
    /// Networks that are not public and hold providers of this platform's tenants.
    pub networks: Vec<IpNetwork>,
    /// Ports providers may listen on.
    pub ports: Vec<u16>,
    /// Certificates (PEM) of the authorities that vouch for those providers, beside the web's own.
    pub roots: Option<PathBuf>,
    /// Plain `http` is taken too: for tests and development, never for a platform in use.
    pub plain_http: bool,
    /// Seconds a provider may take for one answer.
    pub patience_s: u16,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            ports: vec![443],
            roots: None,
            plain_http: false,
            patience_s: 10,
        }
    }
}

impl ProviderSettings {
    /// What one exchange with a provider may cost, and whom it trusts.
    pub fn limits(&self) -> Result<Limits, String> {
        let roots = match &self.roots {
            Some(file) => {
                std::fs::read(file).map_err(|error| format!("identity.providers.roots: {}: {error}", file.display()))?
            }
            None => Vec::new(),
        };
        let total = Duration::from_secs(u64::from(self.patience_s.max(1)));
        Ok(Limits {
            bytes: 256 << 10,
            total,
            silence: total,
            ports: self.ports.clone(),
            redirects: 0,
            opened: self.networks.clone(),
            roots,
        })
    }

    /// An issuer as `OpenID` Connect Discovery wants it: a URL without query, fragment or user. It is compared as text, so it
    /// is kept as text.
    pub fn check_issuer(&self, pointer: &str, text: &str) -> Result<String, FieldError> {
        let scheme = text.starts_with("https://") || self.plain_http && text.starts_with("http://");
        let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        if scheme && plain && !text.contains(['?', '#', '@']) {
            return Ok(text.to_owned());
        }
        let rule = "must be the provider's issuer: an https URL without query, fragment or user";
        Err(FieldError::new(pointer, rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_url_unless_the_operator_develops() {
        let strict = ProviderSettings::default();
        let loose = ProviderSettings {
            plain_http: true,
            ..ProviderSettings::default()
        };
        assert!(strict.check_issuer("", "https://id.example/realms/x").is_ok());
        assert!(loose.check_issuer("", "http://127.0.0.1:8080").is_ok());
        for bad in [
            "http://id.example",
            "https://id.example?x=1",
            "https://id.example/#a",
            "https://me@id.example",
            "file:///etc/passwd",
            "https://bücher.example",
            "",
        ] {
            assert!(strict.check_issuer("", bad).is_err(), "{bad}");
        }
    }
}
