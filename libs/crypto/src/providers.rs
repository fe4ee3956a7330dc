use std::sync::Arc;

use ids::TenantId;

use crate::{External, ExternalKey, KekProvider, KeyError, Transit};

/// The providers of a platform: one that wraps, and those that may still unwrap what they wrapped.
///
/// A wrapped key is kept beside the name of its provider. To change the key-encryption key, the new one becomes current and the
/// old one previous; when everything is wrapped anew, the old one goes.
#[derive(Debug, Clone)]
pub struct Providers {
    current: Arc<dyn KekProvider>,
    previous: Vec<Arc<dyn KekProvider>>,
    external: Option<Arc<External>>,
}

impl Providers {
    /// This one alone.
    #[must_use]
    pub fn of(current: Arc<dyn KekProvider>) -> Self {
        Self {
            current,
            previous: Vec::new(),
            external: None,
        }
    }

    /// The same, and one more that may still unwrap.
    #[must_use]
    pub fn with_previous(mut self, previous: Arc<dyn KekProvider>) -> Self {
        self.previous.push(previous);
        self
    }

    /// The same, and tenants may keep keys of their own.
    #[must_use]
    pub fn with_external(mut self, external: External) -> Self {
        self.external = Some(Arc::new(external));
        self
    }

    /// What reaches the keys that tenants keep themselves.
    pub fn external(&self) -> Result<&External, KeyError> {
        let none = || KeyError::External("this process does not reach key servers of tenants".to_owned());
        self.external.as_deref().ok_or_else(none)
    }

    /// The provider whose key a tenant keeps itself.
    pub fn of_tenant(&self, tenant: TenantId, key: &ExternalKey) -> Result<Transit, KeyError> {
        self.external()?.provider(tenant, key)
    }

    /// The one that wraps.
    #[must_use]
    pub fn current(&self) -> &Arc<dyn KekProvider> {
        &self.current
    }

    /// The one that wrapped under this name, if it is still known here.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<dyn KekProvider>> {
        self.all().find(|provider| provider.name() == name)
    }

    /// The current one, then the previous ones.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn KekProvider>> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kek, random};

    #[test]
    fn a_provider_is_found_by_its_name_as_long_as_it_is_known() {
        let [new, old, gone] = [(); 3].map(|()| Arc::new(Kek::new(random())) as Arc<dyn KekProvider>);
        let providers = Providers::of(Arc::clone(&new)).with_previous(Arc::clone(&old));

        assert_eq!(providers.current().name(), new.name());
        for known in [&new, &old] {
            assert_eq!(providers.by_name(known.name()).unwrap().name(), known.name());
        }
        assert!(providers.by_name(gone.name()).is_none());
    }
}
