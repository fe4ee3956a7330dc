//! Key-encryption keys that tenants keep themselves, in a transit engine (Vault, `OpenBao`) of their own.
//!
//! # What it guarantees
//! A tenant's key that is wrapped by such a key is wrapped by nothing else: while the tenant's server is away, or refuses, no
//! process unwraps it, and those that hold it hold it no longer than [`crate::Rules::patience`]. The token is sealed under the
//! platform's key for its tenant, and shown to nobody.
//!
//! # Whom it may reach
//! The address is a tenant's word, so calls leave by the client that reaches public addresses alone ([`egress`]), at a few
//! ports, without redirects, and cost no more time and bytes than any call to a transit engine. What else may be reached is
//! the operator's word ([`ExternalSettings`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use egress::{Egress, Limits};
use http::HeaderValue;
use ids::TenantId;
use ipnetwork::IpNetwork;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::provider::{ANSWER, PATIENCE};
use crate::{Kek, KeyError, Place, Transit, TransitSettings};

/// The provider's name beside keys that are wrapped by a key of their tenant.
pub const EXTERNAL: &str = "external";

/// The longest token, in bytes, and the longest certificates.
const TOKEN: usize = 1_000;
const CA: usize = 32 << 10;
/// Clients that are kept: one for each set of certificates.
const CLIENTS: usize = 64;

/// How far the platform goes to reach keys of tenants: `[crypto.tenants]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExternalSettings {
    /// Networks that are not public and hold key servers of this platform's tenants.
    pub networks: Vec<IpNetwork>,
    /// Ports that key servers may listen on.
    pub ports: Vec<u16>,
    /// Certificates (PEM) of the authorities that vouch for those servers, beside the web's own.
    pub roots: Option<PathBuf>,
    /// Plain `http` to this machine is taken too: for tests and development, never for a platform in use.
    pub plain_http: bool,
}

impl Default for ExternalSettings {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            ports: vec![443, 8200],
            roots: None,
            plain_http: false,
        }
    }
}

/// Where a tenant keeps a key, as it is typed in.
#[derive(Debug, Clone)]
pub struct NewExternalKey {
    /// The server's base address.
    pub url: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// The namespace, where there are some.
    pub namespace: Option<String>,
    /// Certificates (PEM) of authorities that vouch for the server, beside the web's own.
    pub ca: Option<String>,
    /// What proves to the server that the platform asks.
    pub token: SecretString,
}

/// The same as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalKey {
    /// The server's base address.
    pub url: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// Certificates (PEM).
    pub ca: Option<String>,
    /// The token, sealed.
    pub token: Vec<u8>,
}

impl ExternalKey {
    /// Is this a key of the same name, wherever its server is?
    pub(crate) fn is_named_as(&self, other: &Self) -> bool {
        (&self.mount, &self.key, &self.namespace) == (&other.mount, &other.key, &other.namespace)
    }

    fn settings(&self) -> Result<TransitSettings, String> {
        let url = Url::parse(&self.url).map_err(|_| ".url: must be an absolute URL".to_owned())?;
        Ok(TransitSettings {
            url,
            mount: self.mount.clone(),
            key: self.key.clone(),
            token_file: PathBuf::new(),
            namespace: self.namespace.clone(),
            ca: None,
        })
    }
}

/// Reaches keys that tenants keep themselves.
#[derive(Debug)]
pub struct External {
    settings: ExternalSettings,
    roots: Vec<u8>,
    kek: Kek,
    clients: Mutex<HashMap<Option<String>, Egress>>,
}

impl External {
    /// By these settings; tokens are sealed under the platform's key.
    pub fn new(settings: ExternalSettings, kek: Kek) -> Result<Self, String> {
        let roots = match &settings.roots {
            Some(file) => std::fs::read(file).map_err(|error| format!(".roots: {}: {error}", file.display()))?,
            None => Vec::new(),
        };
        let external = Self {
            settings,
            roots,
            kek,
            clients: Mutex::default(),
        };
        external.client(None).map_err(|error| format!(".roots: {error}"))?;
        Ok(external)
    }

    /// What was typed in as it is kept, its token sealed for the tenant; else the field and what is wrong with it. Nobody is
    /// asked for anything yet.
    pub fn keep(&self, tenant: TenantId, new: &NewExternalKey) -> Result<ExternalKey, (&'static str, String)> {
        let kept = ExternalKey {
            url: new.url.trim_end_matches('/').to_owned(),
            mount: new.mount.clone(),
            key: new.key.clone(),
            namespace: new.namespace.clone(),
            ca: new.ca.clone(),
            token: Vec::new(),
        };
        let settings = kept
            .settings()
            .and_then(|it| it.validate().map(|()| it))
            .map_err(field)?;
        self.check_url(&settings.url).map_err(|rule| ("/url", rule))?;
        self.check_ca(kept.ca.as_ref()).map_err(|rule| ("/ca", rule))?;
        let token = self.seal_token(tenant, &new.token)?;
        Ok(ExternalKey { token, ..kept })
    }

    /// A token as it is kept; else the field and what is wrong with it.
    pub fn seal_token(&self, tenant: TenantId, token: &SecretString) -> Result<Vec<u8>, (&'static str, String)> {
        let text = token.expose_secret();
        let printable = (1..=TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || HeaderValue::from_str(text).is_err() {
            let rule = format!("must be 1 to {TOKEN} printable ASCII characters without spaces");
            return Err(("/token", rule));
        }
        let sealed = self.kek.seal(&place(tenant), text.as_bytes());
        sealed.map_err(|_| ("/token", "cannot be sealed".to_owned()))
    }

    /// The provider of this key.
    pub fn provider(&self, tenant: TenantId, key: &ExternalKey) -> Result<Transit, KeyError> {
        let told = |cause: String| KeyError::External(cause.trim_start_matches('.').to_owned());
        let token = self.kek.open_sealed(&place(tenant), &key.token);
        let token = token.map_err(|_| told("its token does not open: set it anew".to_owned()))?;
        let token = std::str::from_utf8(&token).map_err(|_| told("its token is no text".to_owned()))?;
        let settings = key.settings().map_err(told)?;
        // What the operator allowed when it was typed in may be closed by now.
        self.check_url(&settings.url).map_err(told)?;
        let client = self.client(key.ca.as_ref()).map_err(told)?;
        Transit::given(settings, SecretString::from(token.to_owned()), client).map_err(told)
    }

    fn check_url(&self, url: &Url) -> Result<(), String> {
        if url.scheme() != "https" && !self.settings.plain_http {
            return Err("must be https".to_owned());
        }
        let ports = &self.settings.ports;
        if url.port_or_known_default().is_some_and(|port| ports.contains(&port)) {
            // Its form and, where it is a number, its address; a name is looked at when it is connected to.
            let client = self.client(None)?;
            return client.target(url.as_str()).map(drop).map_err(|error| error.to_string());
        }
        let few: Vec<_> = ports.iter().take(8).map(u16::to_string).collect();
        Err(format!("must use one of the ports {}", few.join(", ")))
    }

    fn check_ca(&self, ca: Option<&String>) -> Result<(), String> {
        let Some(text) = ca else { return Ok(()) };
        if text.len() > CA || !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(format!("must be certificates in PEM, of {CA} bytes at most"));
        }
        self.client(ca).map(drop)
    }

    /// The client that trusts these certificates. To make one takes a while, so some are kept.
    fn client(&self, ca: Option<&String>) -> Result<Egress, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let ca = ca.cloned();
        if let Some(client) = clients.get(&ca) {
            return Ok(client.clone());
        }
        let mut roots = self.roots.clone();
        if let Some(ca) = &ca {
            roots.push(b'\n');
            roots.extend_from_slice(ca.as_bytes());
        }
        let limits = Limits {
            bytes: ANSWER,
            total: PATIENCE,
            silence: PATIENCE,
            ports: self.settings.ports.clone(),
            redirects: 0,
            opened: self.settings.networks.clone(),
            roots,
        };
        let client = Egress::new(limits).map_err(|_| "must be certificates in PEM".to_owned())?;
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(ca, client.clone());
        Ok(client)
    }
}

fn place(tenant: TenantId) -> Place<'static> {
    Place {
        tenant,
        table: "keys.external_keys",
        column: "token",
        row: "",
    }
}

/// `.url: must be …` as field and rule.
fn field(complaint: String) -> (&'static str, String) {
    let (name, rule) = complaint.split_once(": ").unwrap_or((".url", &complaint));
    let pointer = match name {
        ".mount" => "/mount",
        ".key" => "/key",
        ".namespace" => "/namespace",
        _ => "/url",
    };
    (pointer, rule.to_owned())
}

#[cfg(test)]
mod tests;
