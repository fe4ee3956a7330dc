//! Webhooks of a tenant: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;
pub mod rotate;
pub mod test;

use chrono::{DateTime, Utc};
use ids::{IdOrName, WebhookId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::webhook::{DisabledReason, Webhook};

/// A webhook's path.
#[derive(Debug, Deserialize)]
pub struct InWebhook {
    /// Id or name.
    pub webhook: IdOrName<WebhookId>,
}

/// An address that is told what happens in the tenant. Of its secret nothing is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Its name, unique in the tenant.
    #[schema(example = "siem")]
    pub name: String,
    /// The address.
    #[schema(example = "https://hooks.example.com/yunshu")]
    pub url: String,
    /// Of which types it is told; empty: of all.
    #[schema(example = json!(["vm.*"]))]
    pub types: Vec<String>,
    /// Is it sent to?
    #[schema(example = true)]
    pub enabled: bool,
    /// Why it is not; null while it is.
    pub disabled_reason: Option<DisabledReason>,
    /// Until when the secret before the present one signs too; null if none does.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id,
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            types: webhook.types.clone(),
            enabled: webhook.disabled.is_none(),
            disabled_reason: webhook.disabled,
            // Whether it is over does not change the state that an `ETag` names.
            previous_secret_until: webhook.secrets.previous.as_ref().map(|(_, until)| *until),
            generation: webhook.generation,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl db::Subject for WebhookView {
    fn object(&self) -> String {
        format!("webhook:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/webhooks/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}

/// A webhook with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecret {
    /// What its deliveries are signed with (Standard Webhooks).
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD0x6Tx4lRhfQ=")]
    pub secret: SecretString,
    /// What there is to know of it later.
    pub webhook: WebhookView,
}

fn shown<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl db::Subject for WebhookSecret {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.webhook.object()
    }

    fn record(&self) -> serde_json::Value {
        self.webhook.record()
    }

    fn location(&self) -> Option<String> {
        self.webhook.location()
    }

    fn etag(&self) -> Option<String> {
        self.webhook.etag()
    }
}
