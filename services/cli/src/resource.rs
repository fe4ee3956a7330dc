//! Resources that are all listed and shown the same way.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::args::List;
use crate::client::Client;
use crate::field::{entries, text};
use crate::output::Output;

/// A collection of the API.
pub struct Resource {
    pub path: &'static str,
    pub columns: &'static [&'static str],
}

pub const PROJECTS: Resource = Resource {
    path: "/projects",
    columns: &["name", "id", "description", "created_at"],
};
pub const FLAVORS: Resource = Resource {
    path: "/flavors",
    columns: &["name", "vcpus", "memory_mib", "disk_gib", "id"],
};
pub const IMAGES: Resource = Resource {
    path: "/images",
    columns: &["name", "kind", "id", "created_at"],
};
pub const USERS: Resource = Resource {
    path: "/users",
    columns: &["email", "display_name", "roles", "enabled", "seen_at", "id"],
};
pub const GROUPS: Resource = Resource {
    path: "/groups",
    columns: &["name", "description", "id", "created_at"],
};
/// Below a group.
pub const MEMBERS: Resource = Resource {
    path: "",
    columns: &["email", "display_name", "enabled", "id"],
};
pub const ROLES: Resource = Resource {
    path: "/roles",
    columns: &["name", "built_in", "description"],
};
pub const BINDINGS: Resource = Resource {
    path: "/role-bindings",
    columns: &["role", "subject", "project_id", "condition", "id"],
};
pub const KEYS: Resource = Resource {
    path: "/me/api-keys",
    columns: &["name", "scopes", "project_id", "expires_at", "used_at", "id"],
};
pub const ACCOUNTS: Resource = Resource {
    path: "/service-accounts",
    columns: &["name", "description", "enabled", "id", "created_at"],
};
pub const SESSIONS: Resource = Resource {
    path: "/me/sessions",
    columns: &["device", "current", "methods", "used_from", "used_at", "id"],
};
pub const AUDIT: Resource = Resource {
    path: "/audit/events",
    columns: &["seq", "time", "actor", "action", "object", "outcome", "ip"],
};

pub const AUDIT_KEYS: Resource = Resource {
    path: "/audit/keys",
    columns: &["id", "created_at", "retired_at"],
};

impl Resource {
    /// The path of one of them.
    pub fn one(&self, name: &str) -> Result<String> {
        Ok(format!("{}/{}", self.path, segment(name)?))
    }
}

/// A name or id as one segment of a path: nothing in it may lead elsewhere.
pub fn segment(name: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if name.is_empty() || name == "." || name == ".." || !name.chars().all(plain) {
        bail!("`{name}` is neither a name nor an id");
    }
    Ok(name)
}

/// Lists, page after page, up to the limit.
pub async fn list(client: &mut Client, of: &Resource, how: &List, out: Output) -> Result<()> {
    let items = all(client, of.path, how).await?;
    out.list(&json!({ "items": items }), of.columns)
}

/// Every item up to the limit.
pub async fn all(client: &mut Client, path: &str, how: &List) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    while items.len() < how.limit {
        let mut query = how.filters.clone();
        query.extend(how.q.iter().map(|q| ("q".to_owned(), q.clone())));
        query.push(("limit".to_owned(), (how.limit - items.len()).min(1_000).to_string()));
        query.extend(token.iter().map(|token| ("page_token".to_owned(), token.clone())));
        let page = client.get(path, &query).await?;
        items.extend(entries(&page, "items").cloned());
        token = text(&page, "next_page").map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_elsewhere() {
        assert!(segment("web-1").is_ok() && segment("01a1fc3a-da8c-76d5-ad4b-9a02ceafafa0").is_ok());
        for bad in ["", ".", "..", "a/b", "a?b", "a%2fb", "a b", "é"] {
            assert!(segment(bad).is_err(), "{bad}");
        }
    }
}
