//! How keys wrap keys: provider, tenant key, data key.

use chrono::{DateTime, Utc};
use ids::TenantId;

use crate::tenant_keys::Key;
use crate::{
    EXTERNAL, ExternalKey, Kek, KekError, KekProvider, KeyError, Providers, Purpose, WrappedDataKey, WrappedKeys,
    WrappedTenantKey, random,
};

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
        if let Some(external) = &kept.external {
            let provider = providers.of_tenant(kept.tenant, external)?;
            let key = provider.unwrap(wrapped, &context(kept.tenant, kept.version)).await;
            return Ok(Self {
                tenant: kept.tenant,
                version: kept.version,
                key: key.map_err(foreign)?,
            });
        }
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

    /// Asks the platform's present provider, or the tenant's own.
    pub(crate) async fn wrap(
        &self,
        providers: &Providers,
        external: Option<ExternalKey>,
    ) -> Result<WrappedTenantKey, KeyError> {
        let context = context(self.tenant, self.version);
        let (wrapped, provider) = if let Some(external) = &external {
            let provider = providers.of_tenant(self.tenant, external)?;
            let wrapped = provider.wrap(&self.key, &context).await.map_err(foreign)?;
            // Nothing is believed that has not been seen: what does not come back would be lost with the key before it.
            let back = provider.unwrap(&wrapped, &context).await.map_err(foreign)?;
            if *back != *self.key {
                return Err(KeyError::External("it unwraps another key than it wrapped".to_owned()));
            }
            (wrapped, EXTERNAL)
        } else {
            let provider = providers.current();
            (provider.wrap(&self.key, &context).await?, provider.name())
        };
        Ok(WrappedTenantKey {
            tenant: self.tenant,
            version: self.version,
            wrapped: Some(wrapped),
            provider: provider.to_owned(),
            external,
        })
    }

    /// Is it the key that wrapped these? A server that is not ours may answer anything, and what would be wrapped by a wrong
    /// key were lost.
    pub(crate) fn prove(&self, kept: &WrappedKeys) -> Result<(), KeyError> {
        let opened = kept.data.iter().try_for_each(|data| self.unwrap_data(data).map(drop));
        opened.map_err(|error| match kept.tenant.external {
            Some(_) => KeyError::External("what it unwraps is not the tenant's key".to_owned()),
            None => error,
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
        tenant: key.wrap(providers, None).await?,
        data: data.into_iter().collect::<Result<_, _>>()?,
    })
}

/// A tenant's key, wrapped anew by the platform's present provider.
pub(crate) async fn rewrapped(providers: &Providers, kept: &WrappedTenantKey) -> Result<WrappedTenantKey, KeyError> {
    let key = TenantKey::unwrap(providers, kept).await?;
    key.wrap(providers, None).await
}

/// A tenant's next key under the keeper of the present one, and its data keys wrapped by that.
pub(crate) async fn rotated(providers: &Providers, kept: &WrappedKeys) -> Result<WrappedKeys, KeyError> {
    let old = TenantKey::unwrap(providers, &kept.tenant).await?;
    let new = TenantKey::make(old.tenant, old.version.saturating_add(1));
    wrapped_by(providers, (&old, kept), &new, kept.tenant.external.clone()).await
}

/// A tenant's next key under another keeper, and its data keys wrapped by that. Where the platform has kept it, also a further
/// data key of each purpose that has epochs, which the platform has never been able to unwrap.
pub(crate) async fn moved(
    providers: &Providers,
    kept: &WrappedKeys,
    to: Option<ExternalKey>,
    now: DateTime<Utc>,
) -> Result<WrappedKeys, KeyError> {
    let old = match &to {
        Some(to) => by_either(providers, kept, to).await?,
        None => TenantKey::unwrap(providers, &kept.tenant).await?,
    };
    let new = TenantKey::make(old.tenant, old.version.saturating_add(1));
    let mut moved = wrapped_by(providers, (&old, kept), &new, to).await?;
    let leaves = kept.tenant.external.is_none() && moved.tenant.external.is_some();
    for purpose in Purpose::ALL
        .into_iter()
        .filter(|purpose| leaves && !purpose.is_lasting())
    {
        let epochs = kept.data.iter().filter(|data| data.purpose == purpose);
        let newest = epochs.map(|data| data.epoch).max().unwrap_or_default();
        moved.data.push(new.make_data(purpose, newest.saturating_add(1), now)?);
    }
    Ok(moved)
}

/// The key that is changed may be out of reach by what is kept of its keeper, whose token has ended; by what is to be kept,
/// it then is not.
async fn by_either(providers: &Providers, kept: &WrappedKeys, to: &ExternalKey) -> Result<TenantKey, KeyError> {
    if kept
        .tenant
        .external
        .as_ref()
        .is_some_and(|present| present.is_named_as(to))
    {
        let external = Some(to.clone());
        let by_new = WrappedTenantKey {
            external,
            ..kept.tenant.clone()
        };
        if let Ok(key) = TenantKey::unwrap(providers, &by_new).await {
            return Ok(key);
        }
    }
    TenantKey::unwrap(providers, &kept.tenant).await
}

async fn wrapped_by(
    providers: &Providers,
    (old, kept): (&TenantKey, &WrappedKeys),
    new: &TenantKey,
    to: Option<ExternalKey>,
) -> Result<WrappedKeys, KeyError> {
    old.prove(kept)?;
    let anew = |data: &WrappedDataKey| {
        let key = old.unwrap_data(data)?;
        let wrapped = new.wrap_data(data.purpose, data.epoch, &key)?;
        Ok(WrappedDataKey {
            wrapped,
            ..data.clone()
        })
    };
    Ok(WrappedKeys {
        tenant: new.wrap(providers, to).await?,
        data: kept.data.iter().map(anew).collect::<Result<_, KeyError>>()?,
    })
}

/// What a keeper that is not ours says means nothing but that the key cannot be used.
pub(crate) fn foreign(error: KekError) -> KeyError {
    KeyError::External(match error {
        KekError::Unavailable { cause, .. } | KekError::Refused { cause, .. } => cause,
        KekError::Unreadable { .. } => {
            "what it wrapped does not unwrap there: the key is another one by now".to_owned()
        }
    })
}
