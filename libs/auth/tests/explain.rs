//! What is explained is what is enforced: for random bindings, conditions, scopes and debts, at random moments.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends loudly")]

use auth::action::ALL;
use auth::explain::{Part, Refusal, is_anyones};
use auth::{
    Binding, Caller, Condition, Credential, Info, Moment, Owed, Permissions, Place, Principal, Rights, Role, Standing,
};
use chrono::{DateTime, TimeDelta};
use ids::{ApiKeyId, ProjectId, RequestId, SessionId, TenantId, UserId};
use proptest::prelude::*;

fn projects() -> [ProjectId; 2] {
    [1_u128, 2].map(|n| ProjectId::from_uuid(ids::uuid::Uuid::from_u128(n)))
}

fn conditions() -> impl Strategy<Value = Condition> {
    let until = prop_oneof![3 => Just(None), 1 => Just(DateTime::from_timestamp(1_000, 0)), 1 => Just(DateTime::from_timestamp(9_000, 0))];
    let networks = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec!["10.0.0.0/8".parse().unwrap()])];
    let factor = prop_oneof![3 => Just(None), 1 => Just(Some(5)), 1 => Just(Some(90))];
    (until, networks, factor).prop_map(|(until, networks, factor_minutes)| Condition {
        until,
        networks,
        factor_minutes,
    })
}

const SCOPES: [&str; 7] = [
    "vm.*",
    "vm.read",
    "role_binding.*",
    "role_binding.create",
    "project.read",
    "me.*",
    "session.*",
];

fn permissions() -> impl Strategy<Value = Permissions> {
    proptest::sample::subsequence(&SCOPES, 0..4)
        .prop_map(|names| Permissions::stored(names.into_iter().map(str::to_owned).collect()))
}

fn bindings() -> impl Strategy<Value = Vec<Binding>> {
    let role = proptest::sample::select(Role::ALL[..6].to_vec()).prop_map(Rights::Role);
    let custom = permissions().prop_map(|permissions| Rights::Custom {
        name: "own".to_owned(),
        permissions,
    });
    let project = proptest::option::of(proptest::sample::select(projects().to_vec()));
    let one = (prop_oneof![role, custom], project, conditions()).prop_map(|(rights, project, condition)| Binding {
        rights,
        project,
        condition,
    });
    proptest::collection::vec(one, 0..5)
}

#[derive(Debug, Clone)]
struct Case {
    bindings: Vec<Binding>,
    scope: Option<Permissions>,
    by_key: bool,
    narrow: Option<ProjectId>,
    owes: Vec<Owed>,
    step_up: Option<u16>,
    here: bool,
    factor_ago: Option<i64>,
}

fn cases() -> impl Strategy<Value = Case> {
    (
        bindings(),
        proptest::option::of(permissions()),
        any::<bool>(),
        prop_oneof![3 => Just(None), 1 => Just(Some(projects()[0]))],
        prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![Owed::Password]), 1 => Just(vec![Owed::Factor])],
        proptest::option::of(Just(15)),
        any::<bool>(),
        proptest::option::of(0..120_i64),
    )
        .prop_map(
            |(bindings, scope, by_key, narrow, owes, step_up, here, factor_ago)| Case {
                bindings,
                scope,
                by_key,
                narrow,
                owes,
                step_up,
                here,
                factor_ago,
            },
        )
}

fn moment(case: &Case) -> Moment {
    let now = DateTime::from_timestamp(5_000, 0).unwrap();
    let address = if case.here { [10, 1, 2, 3] } else { [192, 0, 2, 1] };
    Moment {
        now,
        address: Some(address.into()),
        factor_at: case.factor_ago.map(|ago| now - TimeDelta::minutes(ago)),
    }
}

fn caller(case: &Case, tenant: TenantId, bindings: Vec<Binding>) -> Caller {
    let narrow = |binding: Binding| match case.narrow {
        Some(project) => binding.narrowed(project),
        None => Some(binding),
    };
    let standing = Standing {
        scope: case.scope.clone(),
        owes: case.owes.clone(),
        step_up_minutes: case.step_up,
        ..Standing::of(
            tenant,
            Principal::User(UserId::mint()),
            bindings.into_iter().filter_map(narrow).collect(),
            None,
        )
    };
    let credential = if case.by_key {
        Credential::ApiKey(ApiKeyId::mint())
    } else {
        Credential::Session(SessionId::mint())
    };
    standing.caller(credential, &moment(case), RequestId::mint()).unwrap()
}

/// What a request meets: first at the door (`web::extract`), then at the object (`db::Granted`).
fn enforced(caller: &Caller, action: &Info, place: Place) -> bool {
    caller.must_first(action).is_none()
        && caller.may_somewhere(action)
        && caller.must_step_up(action).is_none()
        && caller.may(action, place)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn t18_what_is_explained_is_what_is_enforced(case in cases()) {
        let tenant = TenantId::mint();
        let who = caller(&case, tenant, case.bindings.clone());
        let [one, other] = projects().map(|project| Place::Project(tenant, project));
        for action in ALL {
            for place in [Place::Platform, Place::Tenant(tenant), one, other, Place::Tenant(TenantId::mint())] {
                let verdict = who.verdict(action, place);
                prop_assert_eq!(verdict.is_ok(), enforced(&who, action, place), "{} {:?}", action.name, place);

                // The grounds hold: who is let in has one or needs none, and without them nobody is let in.
                let parts = who.parts(&case.bindings, &moment(&case), action, place);
                let counts = |part: &Part| *part == Part::Counts;
                if verdict.is_ok() && !is_anyones(action) {
                    prop_assert!(parts.iter().any(counts), "{} {place:?} {parts:?}", action.name);
                    let kept = case.bindings.iter().zip(&parts).filter(|(_, part)| !counts(part));
                    let less = caller(&case, tenant, kept.map(|(binding, _)| binding.clone()).collect());
                    prop_assert_eq!(less.verdict(action, place), Err(Refusal::Missing));
                }
                let elsewhere = matches!(place, Place::Tenant(of) if of != tenant);
                if verdict == Err(Refusal::Missing) && !elsewhere {
                    prop_assert!(!parts.iter().any(counts), "{} {place:?} {parts:?}", action.name);
                }
            }
        }
    }
}
