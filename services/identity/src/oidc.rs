//! The relying party: what is asked of a provider, and what is believed of its answer.
//!
//! # What it guarantees
//! Whoever comes back from a provider is believed only if everything is of one piece: the browser's secret belongs to the
//! row that was kept ([`secret`]), and `state`, `nonce` and the PKCE verifier are made of that secret; the answer names the
//! issuer that was asked (RFC 9207, where it does); the code was taken by that issuer's token endpoint; and the ID token is
//! signed by its keys, with an algorithm from a short list, for this client alone, lately ([`vouch`]). A row is spent by the
//! first who shows its secret, right or wrong.
//!
//! # What it refuses
//! `none` and every HMAC algorithm, whatever a discovery document allows: with those, a public key or nothing at all would
//! sign. More audiences than this client. A token for another party (`azp`). Documents larger than 256 KiB, redirects,
//! addresses inside.
//!
//! # What it asks for, and how often
//! Discovery document and keys are kept for ten minutes per issuer. A token signed by a key that is not among them has the
//! keys fetched again, once in thirty seconds at most: whoever sends made-up key ids moves nothing.
//!
//! # What it was born from
//! Relying parties that took the e-mail address for who somebody is: whoever could put an address into a claim had the
//! account. Here it is issuer and subject; an address is only what a new person is written down with.

mod http;
mod known;
pub mod secret;
mod vouch;

pub use known::Known;
pub use vouch::{Answer, Vouched};

use std::collections::HashMap;
use std::sync::Arc;

use clock::Clock;
use egress::Egress;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod};
use openidconnect::{
    AuthType, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::provider::Provider;
use crate::provider::settings::ProviderSettings;
use secret::Secret;

/// The page of the portal that providers send people back to.
const CALLBACK: &str = "/sign-in/callback";

/// Why a provider was of no help. What it says is for the log and for whoever sets the provider up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not answer, or not as a provider does.
    #[error("{0}")]
    Silent(String),
    /// It does not stand for whoever came.
    #[error("{0}")]
    Refused(String),
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Speaks with providers.
pub struct Relying {
    egress: Egress,
    settings: ProviderSettings,
    redirect: String,
    clock: Clock,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

impl Relying {
    /// For a platform whose portal is at `platform`.
    pub fn new(settings: &ProviderSettings, platform: &str, clock: Clock) -> Result<Self, String> {
        let egress = Egress::new(settings.limits()?).map_err(|error| format!("no TLS client: {error}"))?;
        Ok(Self {
            egress,
            settings: settings.clone(),
            redirect: format!("{}{CALLBACK}", platform.trim_end_matches('/')),
            clock,
            known: Mutex::default(),
        })
    }

    /// What the operator allows.
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where providers send people back to; each must be told.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Where to send whoever wants to sign in. `anew`: they must prove to the provider who they are, whatever it remembers.
    pub fn authorization_url(
        &self,
        known: &Known,
        provider: &Provider,
        secret: &Secret,
        anew: bool,
    ) -> Result<String, Error> {
        let client = self.client(known, provider, None)?;
        let verifier = PkceCodeVerifier::new(secret.verifier());
        let (state, nonce) = (secret.state(), secret.nonce());
        let mut asked = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(provider.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if anew {
            asked = asked
                .add_prompt(CoreAuthPrompt::Login)
                .set_max_age(std::time::Duration::ZERO);
        }
        Ok(asked.url().0.to_string())
    }

    fn client(&self, known: &Known, provider: &Provider, secret: Option<&SecretString>) -> Result<Client, Error> {
        let redirect = RedirectUrl::new(self.redirect.clone())
            .map_err(|_| Error::Silent("the platform's own address is no URL".to_owned()))?;
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let id = ClientId::new(provider.client_id.clone());
        let client = CoreClient::from_provider_metadata(known.metadata.clone(), id, secret).set_redirect_uri(redirect);
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        Ok(if takes(CoreClientAuthMethod::ClientSecretBasic) {
            client
        } else {
            client.set_auth_type(AuthType::RequestBody)
        })
    }
}
