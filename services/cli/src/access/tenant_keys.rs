//! The keys that a tenant's data hangs on.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::output::Output;
use crate::session::secret;

const EXTERNAL: &str = "/tenant/keys/external";

#[derive(Subcommand)]
pub enum TenantKeysCommand {
    /// Which keys there are, how old and how much used; no key is shown
    List,
    /// Gives the tenant a new key; everything stays readable
    Rotate,
    /// Has the tenant's key wrapped by a key of your own Vault alone; the token is asked for, or read from standard
    /// input. Also to change address, key or token
    Keep(Keep),
    /// Has the tenant's key wrapped by the platform's again
    GiveBack,
}

#[derive(Args)]
pub struct Keep {
    /// The server, such as `https://vault.example.com:8200`
    url: String,
    /// The key's name in its transit engine: one for aes256-gcm96
    key: String,
    /// Where the engine is mounted
    #[arg(long, default_value = "transit")]
    mount: String,
    /// The namespace, where there are some
    #[arg(long)]
    namespace: Option<String>,
    /// A file of certificates (PEM) of authorities that vouch for the server, beside the web's own
    #[arg(long)]
    ca: Option<PathBuf>,
}

impl Keep {
    fn body(&self, token: &str) -> Result<Value> {
        let read =
            |file: &PathBuf| std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
        Ok(json!({
            "url": self.url,
            "key": self.key,
            "mount": self.mount,
            "namespace": self.namespace,
            "ca": self.ca.as_ref().map(read).transpose()?,
            "token": token,
        }))
    }
}

pub async fn run(global: &Global, command: TenantKeysCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        TenantKeysCommand::List => out.show(&client.get("/tenant/keys", &[]).await?),
        TenantKeysCommand::Rotate => out.show(&client.post("/tenant/keys:rotate", Some(&json!({}))).await?),
        TenantKeysCommand::Keep(keep) => {
            let body = keep.body(&secret("Token: ")?)?;
            out.show(&client.call(Method::PUT, EXTERNAL, &[], Some(&body)).await?.body)
        }
        TenantKeysCommand::GiveBack => out.show(&client.call(Method::DELETE, EXTERNAL, &[], None).await?.body),
    }
}

/// For the platform's operators: what wraps tenants' keys.
pub async fn providers(client: &mut Client, out: Output) -> Result<()> {
    out.show(&client.get("/system/keys", &[]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_certificates_is_sent_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        let mut keep = Keep {
            url: "https://vault.example:8200".to_owned(),
            key: "kek".to_owned(),
            mount: "transit".to_owned(),
            namespace: None,
            ca: Some(ca.clone()),
        };
        assert!(keep.body("t").unwrap_err().to_string().contains("ca.pem"));
        std::fs::write(&ca, "-----BEGIN").unwrap();
        assert_eq!(keep.body("t").unwrap()["ca"], "-----BEGIN");
        keep.ca = None;
        assert!(keep.body("t").unwrap()["ca"].is_null());
    }
}
