//! Roles that tenants make themselves. The built-in ones are `auth::Role`.

use auth::action::role;
use auth::{Action, Info, Permissions, Place, Rights, Role};
use chrono::{DateTime, Utc};
use db::Resource;
use fault::FieldError;
use ids::{RoleId, TenantId};

use crate::project::Name;

/// A role of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: RoleId,
    /// Its name, unique in the tenant and no built-in role's.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it carries.
    pub permissions: Permissions,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for CustomRole {
    const NAME: &'static str = "role";
    const READ: &'static Info = role::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

impl CustomRole {
    /// What whoever is bound to it may do.
    pub fn rights(&self) -> Rights {
        rights(&self.name, &self.permissions)
    }
}

/// A tenant's own role as what it carries.
pub fn rights(name: &str, permissions: &Permissions) -> Rights {
    Rights::Custom {
        name: name.to_owned(),
        permissions: permissions.clone(),
    }
}

/// The name, if a role may have it: a name like any other, and not one that reads like a built-in role's.
pub fn check_name(text: &str) -> Result<Name, FieldError> {
    let built_in = Role::ALL.into_iter().any(|role| role.name().replace('_', "-") == text);
    if built_in {
        return Err(FieldError::new("/name", "is a built-in role's; choose another"));
    }
    Name::check(text)
}

/// The permissions, if there are some and all are known.
pub fn check_permissions(names: &[String]) -> Result<Permissions, FieldError> {
    if !(1..=Permissions::MOST).contains(&names.len()) {
        let rule = format!("must name 1 to {} permissions", Permissions::MOST);
        return Err(FieldError::new("/permissions", rule));
    }
    Permissions::check(names).map_err(|unknown| {
        let place = Permissions::first_unknown(names).unwrap_or_default();
        FieldError::new(format!("/permissions/{place}"), unknown.to_string())
    })
}
