//! The keys that a tenant's data hangs on. How they hang together is in `libs/crypto`.

pub mod external;
pub mod providers;
pub mod read;
pub mod rotate;

use chrono::{DateTime, Utc};
use crypto::{Purpose, Rules};
use ids::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use self::external::ExternalKeyView;
use crate::store::tenant_keys::Known;

/// The tenant's keys, without any key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantKeysView {
    /// Whose they are.
    pub tenant_id: TenantId,
    /// Which tenant key it is: raised by each rotation. 0 before the first.
    #[schema(example = 2)]
    pub version: i32,
    /// What kind of keeper wraps it: `file`, `pkcs11`, `transit`, or `external` if the tenant keeps that key itself. Null before the first. New words may come.
    #[schema(example = "file")]
    pub provider: Option<String>,
    /// Where the tenant keeps that key, if it does, and how it fares.
    pub external: Option<ExternalKeyView>,
    /// When that one was made.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The data keys under it, by purpose, the newest first.
    pub data_keys: Vec<DataKeyView>,
}

/// A data key, without the key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DataKeyView {
    /// What it seals: `credentials`, `personal_data`, `console`, `audit`, `outbox`; `index` seals nothing, sealed
    /// values are found by it. New words may come.
    #[schema(example = "audit")]
    pub purpose: &'static str,
    /// Which one of that purpose.
    #[schema(example = 1)]
    pub epoch: i32,
    /// `current` for the newest of its purpose, `previous` for those that only open what they sealed.
    #[schema(example = "current")]
    pub state: &'static str,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the next of its purpose follows it, if it has not by messages before; null for previous ones,
    /// and for the key that sealed values are found by, which none follows.
    pub due_at: Option<DateTime<Utc>>,
    /// How many messages were taken from it, in blocks: at least as many as were sealed.
    #[schema(example = 1024)]
    pub messages: i64,
}

impl TenantKeysView {
    fn of(tenant: TenantId, (own, data, external): Known) -> Self {
        let mut last = 0;
        let mut state = |purpose| {
            let newest = std::mem::replace(&mut last, purpose) != purpose;
            if newest { "current" } else { "previous" }
        };
        let known = data.iter().filter_map(|key| {
            let purpose = Purpose::of(u8::try_from(key.purpose).ok()?)?;
            let state = state(key.purpose);
            Some(DataKeyView {
                purpose: purpose.word(),
                epoch: key.epoch,
                state,
                created_at: key.created_at,
                due_at: (state == "current" && !purpose.is_lasting()).then(|| key.created_at + Rules::default().age),
                messages: key.messages,
            })
        });
        Self {
            tenant_id: tenant,
            version: own.as_ref().map_or(0, |own| own.version),
            provider: own.as_ref().map(|own| kind(&own.provider).to_owned()),
            external: external.map(ExternalKeyView::from),
            data_keys: known.collect(),
            rotated_at: own.map(|own| own.created_at),
        }
    }
}

/// The kind of a provider's name: which file or server it is, is the platform's.
fn kind(provider: &str) -> &str {
    provider.split(':').next().unwrap_or_default()
}

fn none() -> fault::Error {
    fault::Error::unavailable("The tenant has no keys yet.", 1)
}

impl db::Subject for TenantKeysView {
    fn object(&self) -> String {
        format!("tenant_key:{}", self.tenant_id)
    }

    fn record(&self) -> serde_json::Value {
        let keeper = self.external.as_ref().map(|external| {
            serde_json::json!({
                "url": external.url, "mount": external.mount, "key": external.key, "namespace": external.namespace,
            })
        });
        serde_json::json!({ "version": self.version, "external": keeper, "set_at": self.external.as_ref().map(|it| it.set_at) })
    }
}
