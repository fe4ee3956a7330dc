//! How keys wrap keys: provider, tenant key, data key.

use chrono::{DateTime, Utc};
use ids::TenantId;

use crate::tenant_keys::Key;
use crate::{Kek, KeyError, Providers, Purpose, WrappedDataKey, WrappedKeys, WrappedTenantKey, random};

/// What a provider authenticates with a tenant's key.
pub(crate) fn context(tenant: TenantId, version: u32) -> Vec<u8> {
    format!("yunshu tenant key|{tenant}|{version}").into_bytes()
}

fn data_context(tenant: TenantId, purpose: Purpose, epoch: u32) -> Vec<u8> {
    format!("yunshu data key|{tenant}|{}|{epoch}", purpose.number()).into_bytes()
}

/// The key of a tenant, unwrapped: it wraps the tenant's data keys and nothing else.
pub(crate) struct TenantKey {
    tenant: TenantId,
    pub(crate) version: u32,
    key: Key,
}

impl TenantKey {
    pub(crate) fn make(tenant: TenantId, version: u32) -> Self {
        let key = Key::new(random());
        Self { tenant, version, key }
    }

    /// Asks the provider that wrapped it.
    pub(crate) async fn unwrap(providers: &Providers, kept: &WrappedTenantKey) -> Result<Self, KeyError> {
        let wrapped = kept.wrapped.as_deref().ok_or(KeyError::Destroyed)?;
        let Some(provider) = providers.by_name(&kept.provider) else {
            let cause = format!("the key provider {} is not configured", kept.provider);
            return Err(KeyError::Unavailable(cause));
        };
        let key = provider.unwrap(wrapped, &context(kept.tenant, kept.version)).await?;
        Ok(Self {
            tenant: kept.tenant,
            version: kept.version,
            key,
        })
    }

    /// Asks the present provider.
    pub(crate) async fn wrap(&self, providers: &Providers) -> Result<WrappedTenantKey, KeyError> {
        let provider = providers.current();
        let wrapped = provider.wrap(&self.key, &context(self.tenant, self.version)).await?;
        Ok(WrappedTenantKey {
            tenant: self.tenant,
            version: self.version,
            wrapped: Some(wrapped),
            provider: provider.name().to_owned(),
        })
    }

    pub(crate) fn unwrap_data(&self, kept: &WrappedDataKey) -> Result<Key, KeyError> {
        let context = data_context(self.tenant, kept.purpose, kept.epoch);
        self.cipher()
            .unwrap(&kept.wrapped, &context)
            .map_err(|_| KeyError::Unreadable)
    }

    pub(crate) fn wrap_data(&self, purpose: Purpose, epoch: u32, key: &Key) -> Result<Vec<u8>, KeyError> {
        self.cipher()
            .wrap(key, &data_context(self.tenant, purpose, epoch))
            .map_err(|_| KeyError::Unreadable)
    }

    pub(crate) fn make_data(
        &self,
        purpose: Purpose,
        epoch: u32,
        created_at: DateTime<Utc>,
    ) -> Result<WrappedDataKey, KeyError> {
        Ok(WrappedDataKey {
            purpose,
            epoch,
            wrapped: self.wrap_data(purpose, epoch, &Key::new(random()))?,
            created_at,
            messages: 0,
        })
    }

    /// The same mechanism wraps here as where a file is the provider.
    fn cipher(&self) -> Kek {
        Kek::new(*self.key)
    }
}

/// A tenant's first keys.
pub(crate) async fn first(
    providers: &Providers,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<WrappedKeys, KeyError> {
    let key = TenantKey::make(tenant, 1);
    let data = Purpose::ALL.map(|purpose| key.make_data(purpose, 1, now));
    Ok(WrappedKeys {
        tenant: key.wrap(providers).await?,
        data: data.into_iter().collect::<Result<_, _>>()?,
    })
}

/// A tenant's key, wrapped anew by the present provider.
pub(crate) async fn rewrapped(providers: &Providers, kept: &WrappedTenantKey) -> Result<WrappedTenantKey, KeyError> {
    TenantKey::unwrap(providers, kept).await?.wrap(providers).await
}

/// A tenant's next key, and its data keys wrapped by that.
pub(crate) async fn rotated(providers: &Providers, kept: &WrappedKeys) -> Result<WrappedKeys, KeyError> {
    let old = TenantKey::unwrap(providers, &kept.tenant).await?;
    let new = TenantKey::make(old.tenant, old.version.saturating_add(1));
    let anew = |data: &WrappedDataKey| {
        let key = old.unwrap_data(data)?;
        let wrapped = new.wrap_data(data.purpose, data.epoch, &key)?;
        Ok(WrappedDataKey {
            wrapped,
            ..data.clone()
        })
    };
    Ok(WrappedKeys {
        tenant: new.wrap(providers).await?,
        data: kept.data.iter().map(anew).collect::<Result<_, KeyError>>()?,
    })
}
