use chrono::{DateTime, Utc};
use ids::TenantId;

use crate::{ExternalKey, Purpose};

/// A tenant's key as it is kept: wrapped by a provider of key-encryption keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedTenantKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which one: raised by each rotation.
    pub version: u32,
    /// What the provider made of it; none once it was destroyed.
    pub wrapped: Option<Vec<u8>>,
    /// The name of the provider.
    pub provider: String,
    /// Where the tenant keeps the provider's key itself, if it does.
    pub external: Option<ExternalKey>,
}

/// A data key as it is kept: wrapped by its tenant's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// What it is for.
    pub purpose: Purpose,
    /// Which one of those: 1, 2, 3 and so on.
    pub epoch: u32,
    /// What the tenant's key made of it.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How many messages were taken from it, sealed or not.
    pub messages: u64,
}

/// All keys of a tenant, as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKeys {
    /// The tenant's own.
    pub tenant: WrappedTenantKey,
    /// Those that it wraps.
    pub data: Vec<WrappedDataKey>,
}

/// Messages to be taken of a data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The key's purpose.
    pub purpose: Purpose,
    /// The key's epoch.
    pub epoch: u32,
    /// How many.
    pub messages: u64,
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys cannot be read or written: {0}")]
pub struct StoreError(pub String);

/// Where wrapped keys are kept. Each call is one transaction.
pub trait KeyStore: Send + Sync {
    /// A tenant's keys; none if it has never had any.
    fn load(&self, tenant: TenantId) -> impl Future<Output = Result<Option<WrappedKeys>, StoreError>> + Send;

    /// Keeps a tenant's first keys, unless it has some by now: of many who try at once, one is heard.
    fn make(&self, keys: &WrappedKeys) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps more data keys, as far as their epochs are not taken. Nothing, if the tenant's key is of another version by now.
    fn add(
        &self,
        tenant: TenantId,
        version: u32,
        keys: &[WrappedDataKey],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes messages of data keys, each where no more than `limit` are taken in all then. Of which they were taken.
    fn reserve(
        &self,
        tenant: TenantId,
        keys: &[Asked],
        limit: u64,
    ) -> impl Future<Output = Result<Vec<(Purpose, u32)>, StoreError>> + Send;
}
