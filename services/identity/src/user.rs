//! The people of a tenant, as those who look after them see them.

pub mod first;

use auth::action::user;
use auth::{Action, Binding, Caller, Info, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use fault::Kind;
use ids::{TenantId, UserId};

/// Somebody of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their tenant.
    pub tenant: TenantId,
    /// Their id.
    pub id: UserId,
    /// Their address, in lower case.
    pub email: String,
    /// What they are called.
    pub display_name: String,
    /// The name as lists are ordered by it.
    pub name_key: String,
    /// May they sign in?
    pub enabled: bool,
    /// When they last signed in or used a key.
    pub seen_at: Option<DateTime<Utc>>,
    /// The roles they carry on the whole tenant, themselves and through groups, by name.
    pub roles: Vec<String>,
    /// Counts the changes of their own record.
    pub generation: i64,
    /// When they came.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for User {
    const NAME: &'static str = "user";
    const READ: &'static Info = user::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// A name as lists are ordered by it and it is searched: in lower case.
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// Nobody acts on somebody who carries rights that they lack. A binding's conditions do not count here: they may hold
/// tomorrow.
pub fn must_cover(caller: &Caller, bindings: &[Binding]) -> Result<(), fault::Error> {
    let beyond = |binding: &&Binding| caller.cannot_take(binding).is_some();
    match bindings.iter().find(beyond) {
        Some(binding) => Err(beyond_own(binding)),
        None => Ok(()),
    }
}

/// Nobody hands on rights that they lack, nor on weaker conditions than they hold them: what is theirs until tonight would
/// be somebody's for ever.
pub fn must_give(caller: &Caller, bindings: &[Binding]) -> Result<(), fault::Error> {
    let beyond = |binding: &&Binding| caller.cannot_give(binding).is_some();
    match bindings.iter().find(beyond) {
        Some(binding) => Err(beyond_own(binding)),
        None => Ok(()),
    }
}

fn beyond_own(binding: &Binding) -> fault::Error {
    let place = binding.project.map_or_else(
        || "on the whole tenant".to_owned(),
        |project| format!("in project {project}"),
    );
    let detail = format!(
        "This takes all the rights of the role {} {place}, and you lack some: nobody grants what they lack or acts on \
         somebody with more rights.",
        binding.rights.name()
    );
    fault::Error::new(Kind::Forbidden, detail)
}

/// Nobody takes away their own entrance among others': it would be a slip.
pub fn must_be_another(caller: &Caller, user: &User) -> Result<(), fault::Error> {
    if caller.user() == Some(user.id) {
        let detail = "Nobody disables or deletes themself; ask another administrator.";
        return Err(fault::Error::new(Kind::Forbidden, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use auth::{Action, Duty, Permissions, Rights, Role};
    use ids::{ProjectId, RequestId};
    use proptest::prelude::*;

    use super::*;

    fn caller(bindings: Vec<Binding>) -> Caller {
        Caller::newcomer(TenantId::mint(), UserId::mint(), bindings, None, RequestId::mint())
    }

    fn any_binding(projects: Vec<ProjectId>) -> impl Strategy<Value = Binding> {
        let role = prop::sample::select(vec![
            Role::Owner,
            Role::Admin,
            Role::Operator,
            Role::Viewer,
            Role::Auditor,
            Role::SystemAdministrator,
            Role::SecurityAdministrator,
        ]);
        let names = auth::action::ALL
            .iter()
            .map(|action| action.name.to_owned())
            .collect::<Vec<_>>();
        let custom = prop::collection::vec(prop::sample::select(names), 1..6).prop_map(|names| Rights::Custom {
            name: "own".to_owned(),
            permissions: Permissions::stored(names),
        });
        let rights = prop_oneof![role.prop_map(Rights::Role), custom];
        let project = prop::option::of(prop::sample::select(projects));
        (rights, project).prop_map(|(rights, project)| Binding {
            rights,
            project,
            condition: auth::Condition::NONE,
        })
    }

    proptest! {
        /// Whoever is let act on somebody may do whatever that one may do, or appoint to it.
        #[test]
        fn t18_who_is_covered_can_do_nothing_that_the_caller_cannot(
            (mine, theirs, project) in Just((0..3).map(|_| ProjectId::mint()).collect::<Vec<_>>()).prop_flat_map(|projects| {
                let binding = || any_binding(projects.clone());
                (prop::collection::vec(binding(), 0..4), prop::collection::vec(binding(), 0..4), prop::sample::select(projects.clone()))
            })
        ) {
            let me = caller(mine);
            prop_assume!(must_cover(&me, &theirs).is_ok());
            let them = Caller::newcomer(me.tenant(), UserId::mint(), theirs, None, RequestId::mint());
            let appoints = me.may(auth::action::duty::Appoint::INFO, Place::Tenant(me.tenant()));
            for action in auth::action::ALL {
                let appointed = appoints && matches!(action.duty(), Some(Duty::System | Duty::Audit));
                for place in [Place::Platform, Place::Tenant(me.tenant()), Place::Project(me.tenant(), project)] {
                    prop_assert!(!them.may(action, place) || me.may(action, place) || appointed, "{} {place:?}", action.name);
                }
            }
        }
    }

    #[test]
    fn t18_what_is_held_on_a_condition_is_acted_with_and_not_given() {
        let until = Binding {
            condition: auth::Condition {
                until: Some(DateTime::UNIX_EPOCH),
                ..auth::Condition::NONE
            },
            ..Binding::role(Role::Admin, None)
        };
        let viewer = [Binding::role(Role::Viewer, None)];
        let guest = caller(vec![until]);
        assert!(must_cover(&guest, &viewer).is_ok() && must_give(&guest, &viewer).is_err());
        let as_long = Binding {
            condition: auth::Condition {
                until: Some(DateTime::UNIX_EPOCH),
                ..auth::Condition::NONE
            },
            ..Binding::role(Role::Viewer, None)
        };
        assert!(must_give(&guest, &[as_long]).is_ok());
        let admin = caller(vec![Binding::role(Role::Admin, None)]);
        assert!(must_give(&admin, &viewer).is_ok());
        assert!(must_give(&admin, &[Binding::role(Role::Owner, None)]).is_err());
    }

    #[test]
    fn the_refusal_names_the_role() {
        let admin = caller(vec![Binding::role(Role::Admin, None)]);
        let refused = must_cover(&admin, &[Binding::role(Role::Owner, None)]).unwrap_err();
        assert!(refused.detail().contains("owner"), "{}", refused.detail());
        assert!(must_cover(&admin, &[Binding::role(Role::Admin, None)]).is_ok());
        assert!(must_cover(&admin, &[]).is_ok());
    }
}
