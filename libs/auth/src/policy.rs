//! Which roles carry which action: the built-in policy.
//!
//! One row per action; a test proves that none is missing and that the committed print (`policy.snap`) is this table.
//! The same function answers in the extractor, in the grant and in explanations.

use std::sync::LazyLock;

use crate::Role::{Admin, Anyone, Auditor, Operator, Owner, PlatformOperator, System, Viewer};
use crate::action::ALL;
use crate::{Info, Role, RoleSet};

/// An action's name and the roles that carry it.
type Row = (&'static str, &'static [Role]);

const TABLE: &[Row] = &[
    ("tenant.create", &[Owner]),
    ("tenant.read", &[Anyone]),
    ("me.read", &[Anyone]),
    ("session.create", &[Anyone]),
    ("session.refresh", &[Anyone]),
    ("session.delete", &[Anyone]),
    ("project.create", &[Owner, Admin]),
    ("project.list", &[Anyone]),
    ("project.read", &[Owner, Admin, Operator, Viewer, Auditor]),
    ("project.modify", &[Owner, Admin]),
    ("project.delete", &[Owner, Admin]),
    ("vm.create", &[Owner, Admin, Operator]),
    ("vm.list", &[Owner, Admin, Operator, Viewer, Auditor]),
    ("vm.read", &[Owner, Admin, Operator, Viewer, Auditor]),
    ("vm.modify", &[Owner, Admin, Operator, System]),
    ("vm.delete", &[Owner, Admin, Operator, System]),
    ("vm.operate", &[Owner, Admin, Operator, System]),
    ("console.read", &[Owner, Admin, Operator]),
    ("operation.list", &[Anyone]),
    ("operation.read", &[Owner, Admin, Operator, Viewer, Auditor]),
    ("quota.read", &[Anyone]),
    ("quota.modify", &[PlatformOperator]),
    ("flavor.list", &[Anyone]),
    ("flavor.read", &[Anyone]),
    ("flavor.create", &[PlatformOperator]),
    ("flavor.delete", &[PlatformOperator]),
    ("image.list", &[Anyone]),
    ("image.read", &[Anyone]),
    ("image.create", &[PlatformOperator]),
    ("image.delete", &[PlatformOperator]),
    ("pool.create", &[PlatformOperator]),
    ("pool.list", &[PlatformOperator]),
    ("pool.read", &[PlatformOperator]),
    ("pool.modify", &[PlatformOperator]),
    ("pool.delete", &[PlatformOperator]),
    ("host.enrol", &[PlatformOperator]),
    ("host.list", &[PlatformOperator]),
    ("host.read", &[PlatformOperator]),
    ("host.operate", &[PlatformOperator]),
    ("host.delete", &[PlatformOperator]),
    ("audit.list", &[Owner, Auditor]),
    ("audit.read", &[Owner, Auditor]),
    ("event.stream", &[Anyone]),
    ("access.deny", &[Anyone]),
];

static BY_NAME: LazyLock<std::collections::HashMap<&'static str, RoleSet>> =
    LazyLock::new(|| TABLE.iter().map(|(name, roles)| (*name, RoleSet::of(roles))).collect());

/// The roles that carry `action`. An action without a row is carried by nobody.
pub fn roles(action: &Info) -> RoleSet {
    BY_NAME.get(action.name).copied().unwrap_or_default()
}

/// The policy as text, a line per action.
pub fn print() -> String {
    let mut out = String::new();
    for action in ALL {
        let carried = roles(action);
        let names: Vec<_> = Role::ALL
            .iter()
            .filter(|role| carried.contains(**role))
            .map(|role| role.name())
            .collect();
        let level = format!("{:?}", action.level);
        let line = format!("{:<18} {level:<9} {}\n", action.name, names.join(" "));
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_exactly_one_row_and_every_row_an_action() {
        let mut rows: Vec<_> = TABLE.iter().map(|(name, _)| *name).collect();
        let mut actions: Vec<_> = ALL.iter().map(|action| action.name).collect();
        rows.sort_unstable();
        actions.sort_unstable();
        assert_eq!(rows, actions);
    }

    #[test]
    fn the_committed_print_is_this_table() {
        insta::assert_snapshot!("policy", print());
    }
}
