use std::time::Duration;

use ids::TenantId;

/// The longest a value is kept.
const LONGEST: Duration = Duration::from_hours(24);

/// What a value is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    tenant: Option<TenantId>,
    kind: &'static str,
    id: String,
}

impl Key {
    /// Of this tenant, of this kind (one word), with this id among them.
    pub fn new(tenant: TenantId, kind: &'static str, id: impl Into<String>) -> Self {
        let (tenant, id) = (Some(tenant), id.into());
        Self { tenant, kind, id }
    }

    /// Of no tenant, because it comes before one is known: an address that has not signed in yet.
    pub fn platform(kind: &'static str, id: impl Into<String>) -> Self {
        let (tenant, id) = (None, id.into());
        Self { tenant, kind, id }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whose it is, as keys and values say it.
    pub(crate) fn owner(&self) -> String {
        self.tenant
            .map_or_else(|| "platform".to_owned(), |tenant| tenant.to_string())
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A tenant's id and a kind hold no colon: no two keys have one text.
    pub(crate) fn text(&self) -> String {
        format!("v1:{}:{}:{}", self.owner(), self.kind, self.id)
    }
}

/// How long a value is kept: not for nothing, and not for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(Duration);

impl Ttl {
    /// A day.
    pub const LONGEST: Self = Self(LONGEST);

    /// So long, at least a millisecond and at most a day.
    pub fn of(duration: Duration) -> Self {
        Self(duration.clamp(Duration::from_millis(1), LONGEST))
    }

    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}
