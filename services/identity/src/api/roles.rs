//! Roles: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;

use auth::{Duties, Rights, Role};
use chrono::{DateTime, Utc};
use ids::{IdOrName, RoleId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::role::CustomRole;

/// A role's path.
#[derive(Debug, Deserialize)]
pub struct OfRole {
    /// Id or name.
    pub role: IdOrName<RoleId>,
}

/// A role: what may be bound to people, groups and service accounts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleView {
    /// Its id; a built-in role's is its name.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub id: String,
    /// Its name, unique in the tenant.
    #[schema(example = "machine-runner")]
    pub name: String,
    /// What it is for.
    #[schema(example = "Starts and stops machines")]
    pub description: String,
    /// Does it come with the platform? Such roles cannot be changed.
    #[schema(example = false)]
    pub built_in: bool,
    /// What it carries: names of actions such as `vm.read`, or `vm.*` for all of a resource.
    #[schema(example = json!(["vm.operate", "vm.read"]))]
    pub permissions: Vec<String>,
    /// The duty it belongs to; where duties are apart, one of `several` is not bound.
    pub duty: Duties,
    /// Counts its changes; also its `ETag`. 0 for built-in roles.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made; null for built-in roles.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed; null for built-in roles.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<&CustomRole> for RoleView {
    fn from(role: &CustomRole) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name.clone(),
            description: role.description.clone(),
            built_in: false,
            permissions: role.permissions.names().to_vec(),
            duty: role.permissions.duties(),
            generation: role.generation,
            created_at: Some(role.created_at),
            updated_at: Some(role.updated_at),
        }
    }
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            id: role.name().to_owned(),
            name: role.name().to_owned(),
            description: role.description().to_owned(),
            built_in: true,
            permissions: role.permissions().into_iter().map(str::to_owned).collect(),
            duty: Rights::Role(role).duties(),
            generation: 0,
            created_at: None,
            updated_at: None,
        }
    }
}

impl db::Subject for RoleView {
    fn object(&self) -> String {
        format!("role:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/roles/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        (!self.built_in).then(|| format!("\"{}\"", self.generation))
    }
}

/// What somebody hears who names a built-in role where only a tenant's own will do.
fn refuse_built_in(role: &IdOrName<RoleId>) -> Result<(), fault::Error> {
    match role {
        IdOrName::Name(name) if Role::named(name).is_some() => Err(fault::Error::conflict(
            "Built-in roles cannot be changed; make one of your own with the permissions you want.",
        )),
        _ => Ok(()),
    }
}
