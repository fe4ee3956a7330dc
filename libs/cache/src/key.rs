use ids::TenantId;

/// What a count is found by.
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

    /// A tenant's id and a kind hold no colon: no two keys have one text.
    pub(crate) fn text(&self) -> String {
        let owner = self
            .tenant
            .map_or_else(|| "platform".to_owned(), |tenant| tenant.to_string());
        format!("v1:{owner}:{}:{}", self.kind, self.id)
    }
}
