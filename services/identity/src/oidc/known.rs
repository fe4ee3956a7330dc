//! What is known of a provider for a while: its discovery document and its keys.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, DiscoveryError, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};

use super::http::Http;
use super::{Error, Relying};

/// How long it is kept.
const KEPT: TimeDelta = TimeDelta::minutes(10);
/// How soon keys are fetched again for a key id that is not among them.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// How many providers are kept.
const MOST: usize = 1000;

/// What RFC 9207 adds to a discovery document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answers {
    /// Do its answers name the issuer?
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Answers {}

type Metadata = ProviderMetadata<
    Answers,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider says of itself.
#[derive(Debug)]
pub struct Known {
    /// Its discovery document, with its keys.
    pub(super) metadata: Metadata,
    document_at: DateTime<Utc>,
    keys_at: DateTime<Utc>,
}

impl Known {
    /// Must its answers name the issuer?
    pub(super) fn names_issuer(&self) -> bool {
        self.metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported
    }

    /// How many keys it has that we can use.
    pub fn keys(&self) -> usize {
        self.metadata.jwks().keys().len()
    }

    /// Where people are sent.
    pub fn authorization_endpoint(&self) -> &str {
        self.metadata.authorization_endpoint().as_str()
    }
}

impl Relying {
    /// What this issuer says of itself, not older than ten minutes.
    pub async fn know(&self, issuer: &str) -> Result<Arc<Known>, Error> {
        let now = self.clock.now();
        let kept = self.known.lock().await.get(issuer).cloned();
        match kept {
            Some(known) if now - known.document_at < KEPT => Ok(known),
            _ => self.discover(issuer).await,
        }
    }

    /// Asks it now.
    pub async fn discover(&self, issuer: &str) -> Result<Arc<Known>, Error> {
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|_| Error::Silent("the issuer is no URL".to_owned()))?;
        let metadata = Metadata::discover_async(url, &Http(self)).await.map_err(silent)?;
        self.check_endpoints(&metadata)?;
        let now = self.clock.now();
        Ok(self
            .keep(
                issuer,
                Known {
                    metadata,
                    document_at: now,
                    keys_at: now,
                },
            )
            .await)
    }

    /// The same with its present keys; none if they were fetched a moment ago.
    pub(super) async fn know_keys(&self, issuer: &str, known: &Known) -> Result<Option<Arc<Known>>, Error> {
        let now = self.clock.now();
        if now - known.keys_at < AGAIN {
            return Ok(None);
        }
        let keys = CoreJsonWebKeySet::fetch_async(known.metadata.jwks_uri(), &Http(self))
            .await
            .map_err(silent)?;
        let fresh = Known {
            metadata: known.metadata.clone().set_jwks(keys),
            document_at: known.document_at,
            keys_at: now,
        };
        Ok(Some(self.keep(issuer, fresh).await))
    }

    async fn keep(&self, issuer: &str, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        let mut all = self.known.lock().await;
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(issuer.to_owned(), Arc::clone(&known));
        known
    }

    /// People are sent to what it names: no other scheme than the issuer's own.
    fn check_endpoints(&self, metadata: &Metadata) -> Result<(), Error> {
        let authorize = metadata.authorization_endpoint().url();
        let secure = authorize.scheme() == "https" || self.settings.plain_http && authorize.scheme() == "http";
        if !secure {
            return Err(Error::Silent("its authorization_endpoint is no https URL".to_owned()));
        }
        if metadata.token_endpoint().is_none() {
            return Err(Error::Silent(
                "its discovery document names no token_endpoint".to_owned(),
            ));
        }
        Ok(())
    }
}

/// What whoever sets a provider up can mend. Of what it answered nothing is repeated.
fn silent(error: DiscoveryError<Error>) -> Error {
    match error {
        DiscoveryError::Request(error) => error,
        DiscoveryError::Response(status, _, _) => Error::Silent(format!(
            "its discovery document or keys came with status {status} or not as JSON"
        )),
        DiscoveryError::Parse(error) => Error::Silent(format!(
            "its discovery document or keys cannot be read at {}",
            error.path()
        )),
        DiscoveryError::Validation(_) => Error::Silent(
            "its discovery document is of another issuer; check the spelling, the last slash included".to_owned(),
        ),
        _ => Error::Silent("its discovery document cannot be had".to_owned()),
    }
}
