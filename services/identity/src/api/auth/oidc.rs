//! Signing in by an identity provider: wire types and endpoints.

pub mod begin;
mod come_in;
pub mod complete;
pub mod providers;
#[cfg(test)]
mod tests;

use fault::FieldError;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Origin;

use super::record_refusal;
use crate::oidc::secret::{Away, Secret};
use crate::oidc::{Answer, Error, Vouched};
use crate::project::Name;
use crate::provider::Provider;
use crate::state::Identity;
use crate::store;

/// Where to go, and what to keep meanwhile.
#[derive(Serialize, ToSchema)]
pub struct BegunAtProvider {
    /// Where to send the person.
    #[schema(example = "https://id.example.com/authorize?response_type=code&client_id=yunshu&state=c3RhdGU")]
    pub authorization_url: String,
    /// To be kept by this browser and sent with the provider's answer. Good once, for ten minutes. A secret.
    #[schema(example = "yxs_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0")]
    pub secret: String,
    /// Seconds for which it is good.
    #[schema(example = 600)]
    pub expires_in: i64,
}

/// What a provider sent somebody back with, and the secret they kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComeBack {
    /// The secret that was kept.
    #[schema(value_type = String, example = "yxs_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub secret: SecretString,
    /// `code` of the answer.
    #[schema(value_type = String, example = "SplxlOBeZQQYbYS6WxSbIA", max_length = 4096)]
    pub code: SecretString,
    /// `state` of the answer.
    #[schema(example = "c3RhdGU", max_length = 256)]
    pub state: String,
    /// `iss` of the answer, if it has one (RFC 9207).
    #[schema(example = "https://id.example.com", max_length = 500)]
    pub iss: Option<String>,
}

/// A tenant's or provider's name in a field of that name.
fn name(pointer: &str, text: &str) -> Result<Name, fault::Error> {
    Name::check(text).map_err(|error| {
        let pointer = pointer.to_owned();
        fault::Error::invalid_fields(vec![FieldError { pointer, ..error }])
    })
}

/// Spends the secret: whoever comes back does so once.
pub(in crate::api) async fn come_back(
    identity: &Identity,
    secret: &Secret,
) -> Result<Option<(Provider, Away)>, fault::Error> {
    let mut tx = identity.db.system(db::Reason::SignIn).await?;
    let Some(away) = store::external_identities::come_back(&mut tx, secret).await? else {
        return Ok(None);
    };
    let provider = store::identity_providers::returning(&mut tx, secret.tenant, away.provider).await?;
    tx.commit().await?;
    Ok(provider.map(|provider| (provider, away)))
}

/// Whom the provider vouches for; no transaction is open while it is asked.
pub(in crate::api) async fn ask(
    identity: &Identity,
    body: &ComeBack,
    (secret, away): (&Secret, &Away),
    provider: &Provider,
) -> Result<Vouched, Error> {
    if !secret.is_state(&body.state) {
        return Err(Error::Refused("the state is of another sign-in".to_owned()));
    }
    let keys = identity.db.keys(provider.tenant).await;
    let client_secret = keys
        .and_then(|keys| provider.secret(&keys))
        .map_err(|error| Error::Silent(format!("the client's secret cannot be read: {error}")))?;
    let answer = Answer {
        code: &body.code,
        issuer: body.iss.as_deref(),
    };
    identity
        .providers
        .vouch(provider, client_secret.as_ref(), (secret, away), &answer)
        .await
}

/// What to say to somebody a provider did not vouch for. Why stands in the tenant's log, for whoever set the provider up.
pub(in crate::api) fn turned_away(error: &Error) -> fault::Error {
    match error {
        Error::Silent(_) => fault::Error::new(
            fault::Kind::Unavailable,
            "The identity provider does not answer as it should; try again, or sign in another way.",
        ),
        Error::Refused(_) => refused(),
    }
}

/// Whatever is wrong reads the same.
pub(in crate::api) fn refused() -> fault::Error {
    fault::Error::unauthenticated(
        "The sign-in at the identity provider is not good, or no longer, or its person may not come in; begin anew.",
    )
}

/// Tells the tenant's log why somebody was turned away.
async fn tell(identity: &Identity, origin: &Origin, provider: &Provider, why: &str) -> Result<(), fault::Error> {
    use auth::Action;
    let mut tx = identity.db.system(db::Reason::SignIn).await?;
    // Some of it may be the provider's own words.
    let why: String = why.chars().take(200).collect();
    let what = (format!("identity_provider:{}", provider.id), why.as_str());
    record_refusal(
        &mut tx,
        provider.tenant,
        origin,
        auth::action::session::Create::INFO,
        what,
    )?;
    Ok(tx.commit().await?)
}
