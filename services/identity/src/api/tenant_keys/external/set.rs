use actix_web::put;
use actix_web::web::Data;
use auth::action::tenant_key;
use crypto::NewExternalKey;
use db::Outcome;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use super::super::{TenantKeysView, none};
use super::change;
use crate::state::Identity;

/// Where the tenant keeps its key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetExternalKey {
    /// The server's address: https, and reachable from the internet unless the operator has opened its network.
    #[schema(example = "https://vault.example.com:8200", max_length = 2048)]
    pub url: String,
    /// Where the transit engine is mounted.
    #[serde(default = "transit")]
    #[schema(example = "transit", max_length = 64)]
    pub mount: String,
    /// The key's name: one for `aes256-gcm96`.
    #[schema(example = "yunshu", max_length = 64)]
    pub key: String,
    /// The namespace, where there is one.
    #[schema(example = "team-a", max_length = 64)]
    pub namespace: Option<String>,
    /// Certificates (PEM) of authorities that vouch for the server, beside the web's own.
    #[schema(max_length = 32768)]
    pub ca: Option<String>,
    /// A token that may `update` on encrypt and decrypt of the key. Kept sealed and never shown; it is renewed each hour if it
    /// may be.
    #[schema(value_type = String, format = Password, example = "hvs.CAESIJ", max_length = 1000)]
    pub token: SecretString,
}

fn transit() -> String {
    "transit".to_owned()
}

/// Has the tenant's key wrapped by a key that the tenant keeps itself.
#[utoipa::path(
    operation_id = "set_external_key",
    tag = "tenant-keys",
    description = "Proves a key in the tenant's own Vault or OpenBao (transit engine), makes the tenant's next key and has it \
                   wrapped by that one alone. While that key is away, or refuses, nothing of the tenant's data can be read or \
                   written from five minutes later on (503 `key_unavailable`), sign-in included; when it is back, all goes \
                   on by itself. Also to change address, key or token. What was sealed before can be read with a backup of \
                   the database from before; what is sealed from six minutes later on cannot. With `dry_run` the key is \
                   proven and nothing changed. Needs `tenant_key.modify` and a factor shown of late.",
    params(DryRun),
    request_body(content = SetExternalKey, description = "Where the key is"),
    responses((status = 200, description = "The keys", body = TenantKeysView), Refusals),
    security(("bearer" = [])),
)]
#[put("/tenant/keys/external")]
pub async fn set_external_key(
    ask: Change<tenant_key::Modify, SetExternalKey>,
    identity: Data<Identity>,
) -> Outcome<TenantKeysView> {
    let body = &ask.body;
    let typed = NewExternalKey {
        url: body.url.clone(),
        mount: body.mount.clone(),
        key: body.key.clone(),
        namespace: body.namespace.clone(),
        ca: body.ca.clone(),
        token: body.token.clone(),
    };
    let ring = identity.db.keyring().ok_or_else(none)?;
    let external = ring.providers().external().map_err(fault::Error::from)?;
    let wrong = |(pointer, rule): (&str, String)| fault::Error::invalid(pointer, rule);
    let to = external.keep(ask.caller().tenant(), &typed).map_err(wrong)?;

    change(&ask, &identity, Some(to)).await
}

#[cfg(test)]
mod tests;
