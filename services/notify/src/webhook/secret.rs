//! What deliveries are signed with (Standard Webhooks 1.0): HMAC-SHA-256 over id, time and body.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::{KeyError, Place, Purpose, TenantKeys};
use ids::{TenantId, WebhookId};
use secrecy::SecretString;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// A secret that receiver and platform share.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A new one, of 32 random bytes.
    pub fn make() -> Self {
        Self(Zeroizing::new(crypto::random::<32>().to_vec()))
    }

    /// As people copy it to the receiver.
    pub fn reveal(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(&*self.0)).into()
    }

    /// Encrypted for its place. Its column is not part of that: the present one becomes the one before.
    pub fn seal(&self, keys: &TenantKeys, (tenant, id): (TenantId, WebhookId)) -> Result<Vec<u8>, KeyError> {
        keys.seal(Purpose::Credentials, &place(tenant, &id.to_string()), &self.0)
    }

    /// From what is kept.
    pub fn open(keys: &TenantKeys, (tenant, id): (TenantId, WebhookId), sealed: &[u8]) -> Result<Self, KeyError> {
        keys.open(&place(tenant, &id.to_string()), sealed).map(Self)
    }

    /// One signature of the header `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

const fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "webhooks",
        column: "secret",
        row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks are tested with.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = Secret(Zeroizing::new(
            STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(),
        ));
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn t24_it_opens_for_its_own_webhook_alone() {
        let (tenant, mine, other) = (TenantId::mint(), WebhookId::mint(), WebhookId::mint());
        let keys = TenantKeys::passing(tenant);
        let secret = Secret::make();
        let sealed = secret.seal(&keys, (tenant, mine)).unwrap();
        assert_eq!(*Secret::open(&keys, (tenant, mine), &sealed).unwrap().0, *secret.0);
        assert!(Secret::open(&keys, (tenant, other), &sealed).is_err());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
