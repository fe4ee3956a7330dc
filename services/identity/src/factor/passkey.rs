//! Passkeys and hardware keys: Web Authentication level 3, with this service as the relying party.
//!
//! Every ceremony asks for user verification (a finger, a face, a PIN), when a key is made and each time it is shown. So a
//! passkey is two factors by itself, the device and what opens it, and may let somebody in alone. Keys that cannot verify
//! their holder are not taken.
//!
//! What is kept of a passkey is its public half, sealed for its own row: who can write to the table still cannot put their
//! key in the place of another's.

pub mod ceremony;

use std::path::PathBuf;

use crypto::{KeyError, Place, Purpose, TenantKeys};
use ids::{FactorId, TenantId, UserId};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{
    AttestationCaList, AttestationCaListBuilder, AttestedPasskeyRegistration, AuthenticationResult,
    CreationChallengeResponse, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, RequestChallengeResponse, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// Where passkeys are good, as an operator sets it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// The portal's address as browsers see it; `mail.portal`, unless said otherwise.
    pub origin: Option<String>,
    /// The domain that passkeys are bound to for ever: the origin's host, unless said otherwise, or one above it.
    pub domain: Option<String>,
    /// PEM certificates of makers whose word counts for tenants that want passkeys vouched for.
    pub attestation_roots: Option<PathBuf>,
}

/// What a tenant asks of the keys that are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attestation {
    /// Nothing.
    None,
    /// That their maker vouches for them, and that they are of these models.
    Direct(Vec<Uuid>),
}

/// Why a passkey was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has counted further before: there are two of it.
    #[error("the signature counter went back: there is a copy of this key")]
    Counter,
    /// The tenant wants keys vouched for, and this one is not, or not of a listed model.
    #[error("your tenant takes keys of listed models only, vouched for by their maker, and this is none")]
    Unlisted,
    /// The tenant wants keys vouched for, and nobody's word counts.
    #[error("your tenant takes keys of listed models only, and no model can be verified here; ask your operator")]
    Unverifiable,
    /// Anything else.
    #[error("the answer is not good for what was asked")]
    NoGood(#[source] WebauthnError),
}

impl Refused {
    /// For the log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Counter => "counter_went_back",
            Self::Unlisted | Self::Unverifiable => "not_attested",
            Self::NoGood(_) => "wrong_passkey",
        }
    }
}

impl Attestation {
    /// As it is kept: the word, and the models.
    pub fn parts(&self) -> (&'static str, &[Uuid]) {
        match self {
            Self::None => ("none", &[]),
            Self::Direct(models) => ("direct", models),
        }
    }

    /// From what is kept. A word of a newer release is taken for the strictest.
    pub fn stored(name: &str, models: Vec<Uuid>) -> Self {
        if name == "none" {
            Self::None
        } else {
            Self::Direct(models)
        }
    }
}

impl From<WebauthnError> for Refused {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::CredentialPossibleCompromise => Self::Counter,
            other => Self::NoGood(other),
        }
    }
}

/// A key that is being made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Whoever made the device.
    Plain(Box<PasskeyRegistration>),
    /// Vouched for.
    Attested(Box<AttestedPasskeyRegistration>),
}

/// The service, as devices know it.
pub struct RelyingParty {
    webauthn: Webauthn,
    roots: Vec<CertificateDer<'static>>,
}

impl RelyingParty {
    /// Checks the settings. None where the portal has no domain: browsers bind no passkey to a bare address.
    pub fn new(settings: &PasskeySettings, portal: &str) -> Result<Option<Self>, String> {
        let origin = settings.origin.as_deref().unwrap_or(portal);
        let wrong = |error: &dyn std::fmt::Display| format!("identity.passkeys.origin: {error}");
        let origin = Url::parse(origin).map_err(|error| wrong(&error))?;
        let Some(host) = origin.domain() else {
            return match settings.origin {
                Some(_) => Err(wrong(&"must have a domain name: passkeys are bound to one")),
                None => Ok(None),
            };
        };
        let domain = settings.domain.as_deref().unwrap_or(host);
        let webauthn = WebauthnBuilder::new(domain, &origin)
            .and_then(|builder| builder.rp_name("Yunshu").timeout(ceremony::PATIENCE).build())
            .map_err(|_| format!("identity.passkeys.domain: {host} does not lie in {domain}"))?;
        let roots = match &settings.attestation_roots {
            Some(file) => CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("identity.passkeys.attestation_roots: {}: {error}", file.display()))?,
            None => Vec::new(),
        };
        Ok(Some(Self { webauthn, roots }))
    }

    /// Begins to make a key for somebody who has these.
    pub fn enrol(
        &self,
        (user, email): (UserId, &str),
        has: &[Passkey],
        policy: &Attestation,
    ) -> Result<(CreationChallengeResponse, Registration), Refused> {
        let has = Some(has.iter().map(|key| key.cred_id().clone()).collect());
        let id = user.as_uuid();
        match policy {
            Attestation::None => {
                let (options, state) = self.webauthn.start_passkey_registration(id, email, email, has)?;
                Ok((options, Registration::Plain(Box::new(state))))
            }
            Attestation::Direct(models) => {
                let trusted = self.trusted(models)?;
                let (options, state) = self
                    .webauthn
                    .start_attested_passkey_registration(id, email, email, has, trusted, None)?;
                Ok((options, Registration::Attested(Box::new(state))))
            }
        }
    }

    fn trusted(&self, models: &[Uuid]) -> Result<AttestationCaList, Refused> {
        let mut trusted = AttestationCaListBuilder::new();
        for root in &self.roots {
            for model in models {
                trusted
                    .insert_device_der(root, *model, model.to_string(), std::collections::BTreeMap::new())
                    .map_err(|_| Refused::Unverifiable)?;
            }
        }
        let trusted = trusted.build();
        if trusted.is_empty() {
            return Err(Refused::Unverifiable);
        }
        Ok(trusted)
    }

    /// The key that was made.
    pub fn enrolled(&self, answer: &RegisterPublicKeyCredential, begun: &Registration) -> Result<Passkey, Refused> {
        match begun {
            Registration::Plain(state) => Ok(self.webauthn.finish_passkey_registration(answer, state)?),
            Registration::Attested(state) => {
                let made = self.webauthn.finish_attested_passkey_registration(answer, state);
                let made = made.map_err(|_| Refused::Unlisted)?;
                Ok(Passkey::from(&made))
            }
        }
    }

    /// Asks for one of these keys; for any that the device knows, where none are named.
    ///
    /// What is kept of the question names no key, so that the answer is judged by what is known of its key then: a counter
    /// that another ceremony moved meanwhile counts.
    pub fn ask(&self, has: &[Passkey]) -> Result<(RequestChallengeResponse, DiscoverableAuthentication), Refused> {
        let (mut options, state) = self.webauthn.start_discoverable_authentication()?;
        if !has.is_empty() {
            let (listed, _) = self.webauthn.start_passkey_authentication(has)?;
            options.public_key.allow_credentials = listed.public_key.allow_credentials;
        }
        Ok((options, state))
    }

    /// Is the answer this key's? The key as it is to be kept from now on.
    pub fn judge(
        &self,
        answer: &PublicKeyCredential,
        asked: DiscoverableAuthentication,
        mut key: Passkey,
    ) -> Result<Passkey, Refused> {
        let result: AuthenticationResult = self
            .webauthn
            .finish_discoverable_authentication_v2(answer, asked, &key)?;
        key.update_credential(&result);
        Ok(key)
    }
}

/// A passkey as it is kept.
pub fn seal(keys: &TenantKeys, (tenant, factor): (TenantId, FactorId), key: &Passkey) -> Result<Vec<u8>, KeyError> {
    let plain = serde_json::to_vec(key).map_err(|_| KeyError::Unreadable)?;
    keys.seal(Purpose::Credentials, &place(tenant, &factor.to_string()), &plain)
}

/// The passkey that was kept.
pub fn open(keys: &TenantKeys, (tenant, factor): (TenantId, FactorId), sealed: &[u8]) -> Result<Passkey, KeyError> {
    let plain = keys.open(&place(tenant, &factor.to_string()), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| KeyError::Unreadable)
}

fn place(tenant: TenantId, factor: &str) -> Place<'_> {
    Place {
        tenant,
        table: "identity.factors",
        column: "sealed",
        row: factor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(settings: PasskeySettings, portal: &str) -> Result<bool, String> {
        RelyingParty::new(&settings, portal).map(|party| party.is_some())
    }

    #[test]
    fn passkeys_are_good_where_the_portal_has_a_name() {
        let unset = PasskeySettings::default;
        assert_eq!(party(unset(), "https://localhost:8443"), Ok(true));
        assert_eq!(party(unset(), "https://192.0.2.1:8443"), Ok(false));
        let of = |origin: &str, domain: Option<&str>| PasskeySettings {
            origin: Some(origin.to_owned()),
            domain: domain.map(str::to_owned),
            attestation_roots: None,
        };
        assert_eq!(
            party(of("https://portal.example.com", Some("example.com")), ""),
            Ok(true)
        );
        for (settings, says) in [
            (of("https://192.0.2.1", None), "domain name"),
            (of("no", None), "identity.passkeys.origin"),
            (of("https://portal.example.com", Some("example.org")), "does not lie in"),
        ] {
            let refused = party(settings, "").unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        let roots = PasskeySettings {
            attestation_roots: Some("/nowhere.pem".into()),
            ..unset()
        };
        assert!(party(roots, "https://localhost").unwrap_err().contains("/nowhere.pem"));
    }
}
