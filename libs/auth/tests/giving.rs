//! T18 as a property: whatever random principals do to random roles, groups and bindings, nobody comes to more than the
//! one who did it had, and nobody loses what that one lacked. Judged at many moments, so that a right until tonight is
//! no right for ever.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends loudly")]

use std::collections::BTreeSet;

use auth::action::{ALL, Action, duty, group_member, role, role_binding};
use auth::{
    Binding, Caller, Condition, Credential, Duties, Duty, Info, Moment, Permissions, Place, Principal, Rights, Role,
    Standing,
};
use chrono::{DateTime, TimeDelta, Utc};
use ids::{ApiKeyId, ProjectId, RequestId, TenantId, UserId};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const PEOPLE: usize = 5;
const GROUPS: usize = 2;
const PLACES: usize = 3;
const PERMISSIONS: [&str; 8] = [
    "vm.*",
    "vm.read",
    "console.read",
    "audit.*",
    "project.*",
    "role.*",
    "role_binding.*",
    "quota.read",
];

#[derive(Debug, Clone, Copy)]
enum Subject {
    Person(usize),
    Group(usize),
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    BuiltIn(Role),
    Custom(usize),
}

#[derive(Debug, Clone)]
enum Deed {
    Grant(Subject, Bound, usize, Condition),
    Revoke(usize),
    CreateRole(Permissions),
    ModifyRole(usize, Permissions),
    AddToGroup(usize, usize),
}

/// With what somebody acts.
#[derive(Debug, Clone)]
enum Means {
    /// Signed in.
    Session,
    /// A key of theirs, with these scopes, or without.
    Key(Option<Permissions>),
}

impl Deed {
    /// What it asks for at the door.
    const fn action(&self) -> &'static Info {
        match self {
            Self::Grant(..) => role_binding::Create::INFO,
            Self::Revoke(_) => role_binding::Delete::INFO,
            Self::CreateRole(_) => role::Create::INFO,
            Self::ModifyRole(..) => role::Modify::INFO,
            Self::AddToGroup(..) => group_member::Create::INFO,
        }
    }
}

struct World {
    /// Are duties apart? Then a deed that the database would refuse is not done.
    apart: bool,
    tenant: TenantId,
    projects: [ProjectId; PLACES - 1],
    bindings: Vec<(Subject, Bound, usize, Condition)>,
    roles: Vec<Permissions>,
    groups: [BTreeSet<usize>; GROUPS],
}

/// A moment, an action and a place: by their indexes.
type Reach = BTreeSet<(usize, usize, usize)>;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000, 0).unwrap()
}

/// Now and later, here and elsewhere, with a factor shown just now or an hour ago. The first is the present.
fn moments() -> Vec<Moment> {
    let mut all = Vec::new();
    for later in [0, 90] {
        for address in [[10, 0, 0, 1], [10, 200, 0, 1], [192, 0, 2, 1]] {
            for ago in [1, 60] {
                let now = start() + TimeDelta::minutes(later);
                all.push(Moment {
                    now,
                    address: Some(address.into()),
                    factor_at: Some(now - TimeDelta::minutes(ago)),
                });
            }
        }
    }
    all
}

impl World {
    fn new(bindings: Vec<(Subject, Bound, usize, Condition)>, roles: Vec<Permissions>) -> Self {
        Self {
            apart: false,
            tenant: TenantId::mint(),
            projects: std::array::from_fn(|_| ProjectId::mint()),
            bindings,
            roles,
            groups: std::array::from_fn(|_| BTreeSet::new()),
        }
    }

    fn project(&self, place: usize) -> Option<ProjectId> {
        place.checked_sub(1).map(|place| self.projects[place])
    }

    fn custom(permissions: &Permissions) -> Rights {
        Rights::Custom {
            name: "custom".to_owned(),
            permissions: permissions.clone(),
        }
    }

    fn binding(&self, (_, bound, place, condition): &(Subject, Bound, usize, Condition)) -> Binding {
        let rights = match bound {
            Bound::BuiltIn(role) => Rights::Role(*role),
            Bound::Custom(role) => Self::custom(&self.roles[*role]),
        };
        Binding {
            rights,
            project: self.project(*place),
            condition: condition.clone(),
        }
    }

    fn caller(&self, person: usize, means: &Means, moment: &Moment) -> Caller {
        let carries = |subject: &Subject| match subject {
            Subject::Person(one) => *one == person,
            Subject::Group(group) => self.groups[*group].contains(&person),
        };
        let own = self.bindings.iter().filter(|(subject, ..)| carries(subject));
        let bindings = own.map(|row| self.binding(row)).collect();
        let principal = Principal::User(UserId::mint());
        let (scope, credential) = match means {
            Means::Session => (None, Credential::None),
            Means::Key(scope) => (scope.clone(), Credential::ApiKey(ApiKeyId::mint())),
        };
        let standing = Standing {
            scope,
            ..Standing::of(self.tenant, principal, bindings, moment.factor_at)
        };
        standing.caller(credential, moment, RequestId::mint()).unwrap()
    }

    fn reach(&self, person: usize, means: &Means) -> Reach {
        let mut reach = Reach::new();
        for (when, moment) in moments().iter().enumerate() {
            let caller = self.caller(person, means, moment);
            for (what, action) in ALL.iter().enumerate() {
                for place in 0..PLACES {
                    let at = self.project(place).map_or(Place::Tenant(self.tenant), |project| {
                        Place::Project(self.tenant, project)
                    });
                    if caller.may(action, at) {
                        reach.insert((when, what, place));
                    }
                }
            }
        }
        reach
    }

    /// The duties of each binding of theirs, groups' included.
    fn duties(&self, person: usize) -> BTreeSet<&'static str> {
        let carries = |subject: &Subject| match subject {
            Subject::Person(one) => *one == person,
            Subject::Group(group) => self.groups[*group].contains(&person),
        };
        let own = self.bindings.iter().filter(|(subject, ..)| carries(subject));
        let duties = own.map(|row| self.binding(row).rights.duties());
        duties
            .filter(|duties| *duties != Duties::None)
            .map(Duties::name)
            .collect()
    }

    /// What the database's constraints say: no several duties, none by a group, one to a person.
    fn is_apart(&self) -> bool {
        let sound = |row: &Row| {
            let duties = self.binding(row).rights.duties();
            duties == Duties::None || duties != Duties::Several && matches!(row.0, Subject::Person(_))
        };
        self.bindings.iter().all(sound) && (0..PEOPLE).all(|person| self.duties(person).len() < 2)
    }

    /// Does the deed, if the rule lets the caller and the database holds.
    fn attempt(&mut self, caller: &Caller, deed: &Deed, rule: &Rule) {
        let before = (self.bindings.clone(), self.roles.clone(), self.groups.clone());
        self.change(caller, deed, rule);
        if self.apart && !self.is_apart() {
            (self.bindings, self.roles, self.groups) = before;
        }
    }

    /// Does the deed, if the rule lets the caller.
    fn change(&mut self, caller: &Caller, deed: &Deed, rule: &Rule) {
        match deed {
            Deed::Grant(subject, bound, place, condition) => {
                if matches!(bound, Bound::Custom(nth) if *nth >= self.roles.len()) {
                    return;
                }
                let row = (*subject, *bound, *place, condition.clone());
                if (rule.give)(caller, &self.binding(&row)).is_none() {
                    self.bindings.push(row);
                }
            }
            Deed::Revoke(index) => {
                let index = index % self.bindings.len().max(1);
                let row = self.bindings.get(index).map(|row| self.binding(row));
                if row.is_some_and(|binding| (rule.take)(caller, &binding).is_none()) {
                    self.bindings.remove(index);
                }
            }
            Deed::CreateRole(permissions) => {
                if caller.lacks(&Self::custom(permissions), None).is_none() {
                    self.roles.push(permissions.clone());
                }
            }
            Deed::ModifyRole(index, permissions) => {
                let Some(old) = self.roles.get(*index) else { return };
                let to_it = |bound: &Bound| matches!(bound, Bound::Custom(nth) if nth == index);
                let carried = self.bindings.iter().filter(|(_, bound, ..)| to_it(bound));
                let carried: Vec<_> = carried
                    .map(|(_, _, place, when)| (self.project(*place), when.clone()))
                    .collect();
                if (rule.reshape)(caller, &Self::custom(old), &Self::custom(permissions), &carried).is_none() {
                    self.roles[*index] = permissions.clone();
                }
            }
            Deed::AddToGroup(person, group) => {
                let of = |subject: &Subject| matches!(subject, Subject::Group(one) if one == group);
                let mut carried = self.bindings.iter().filter(|(subject, ..)| of(subject));
                if carried.all(|row| (rule.give)(caller, &self.binding(row)).is_none()) {
                    self.groups[*group].insert(*person);
                }
            }
        }
    }
}

type Lacking = Option<&'static Info>;

/// Where a role is bound, and on which condition.
type Seat = (Option<ProjectId>, Condition);

/// The rule that is walked.
struct Rule {
    door: fn(&Caller, &Info) -> bool,
    give: fn(&Caller, &Binding) -> Lacking,
    take: fn(&Caller, &Binding) -> Lacking,
    reshape: fn(&Caller, &Rights, &Rights, &[Seat]) -> Lacking,
}

const RULE: Rule = Rule {
    door: Caller::may_somewhere,
    give: Caller::cannot_give,
    take: Caller::cannot_take,
    reshape: Caller::cannot_reshape,
};

fn conditions() -> impl Strategy<Value = Condition> {
    let until = prop_oneof![3 => Just(None), 1 => Just(Some(start() + TimeDelta::minutes(30)))];
    let networks = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec!["10.0.0.0/8".parse().unwrap()]),
        1 => Just(vec!["10.0.0.0/16".parse().unwrap(), "192.0.2.0/24".parse().unwrap()]),
    ];
    let factor = prop_oneof![3 => Just(None), 1 => Just(Some(5)), 1 => Just(Some(90))];
    (until, networks, factor).prop_map(|(until, networks, factor_minutes)| Condition {
        until,
        networks,
        factor_minutes,
    })
}

fn permissions() -> impl Strategy<Value = Permissions> {
    proptest::sample::subsequence(&PERMISSIONS, 1..4).prop_map(|names| {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        Permissions::check(&names).unwrap()
    })
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        3 => (0..PEOPLE).prop_map(Subject::Person),
        1 => (0..GROUPS).prop_map(Subject::Group),
    ]
}

fn bound() -> impl Strategy<Value = Bound> {
    let role = proptest::sample::select(vec![
        Role::Owner,
        Role::Admin,
        Role::Operator,
        Role::Viewer,
        Role::Auditor,
        Role::SystemAdministrator,
        Role::SecurityAdministrator,
    ]);
    prop_oneof![role.prop_map(Bound::BuiltIn), (0..4_usize).prop_map(Bound::Custom)]
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (subjects(), bound(), 0..PLACES, conditions()).prop_map(|(s, b, p, c)| Deed::Grant(s, b, p, c)),
        1 => (0..20_usize).prop_map(Deed::Revoke),
        1 => permissions().prop_map(Deed::CreateRole),
        2 => (0..4_usize, permissions()).prop_map(|(role, permissions)| Deed::ModifyRole(role, permissions)),
        2 => (0..PEOPLE, 0..GROUPS).prop_map(|(person, group)| Deed::AddToGroup(person, group)),
    ]
}

/// What a key changes rights by, if it names it.
const EXACT: [&str; 5] = [
    "role_binding.create",
    "role_binding.delete",
    "role.create",
    "role.modify",
    "group_member.create",
];

fn means() -> impl Strategy<Value = Means> {
    let scope = (permissions(), proptest::sample::subsequence(&EXACT, 0..4)).prop_map(|(wide, exact)| {
        let exact = exact.into_iter().map(str::to_owned);
        Permissions::stored(wide.names().iter().cloned().chain(exact).collect())
    });
    prop_oneof![
        6 => Just(Means::Session),
        1 => Just(Means::Key(None)),
        3 => scope.prop_map(|scope| Means::Key(Some(scope))),
    ]
}

type Row = (Subject, Bound, usize, Condition);

/// Who does what, with what.
type Step = (usize, Means, Deed);

/// Roles and bindings as they were found, and what is done then, by whom.
fn histories() -> impl Strategy<Value = (Vec<Permissions>, Vec<Row>, Vec<Step>)> {
    let rows = (subjects(), bound(), 0..PLACES, conditions());
    (
        proptest::collection::vec(permissions(), 4),
        proptest::collection::vec(rows, 1..6),
        proptest::collection::vec((0..PEOPLE, means(), deeds()), 1..12),
    )
}

/// What somebody may hand on: what they have, and what they may appoint to then.
fn in_hand(own: &Reach, one: &(usize, usize, usize)) -> bool {
    let (when, what, _) = *one;
    let appoint = ALL
        .iter()
        .position(|action| action.name == duty::Appoint::INFO.name)
        .unwrap();
    let others = matches!(ALL[what].duty(), Some(Duty::System | Duty::Audit));
    own.contains(one) || others && own.contains(&(when, appoint, 0))
}

/// Walks a history; an error says who came to what they should not.
fn walk(rule: &Rule, roles: Vec<Permissions>, rows: Vec<Row>, deeds: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(rows, roles);
    let present = moments()[0];
    let reaches =
        |world: &World| -> Vec<Reach> { (0..PEOPLE).map(|person| world.reach(person, &Means::Session)).collect() };
    let mut before = reaches(&world);
    for (actor, means, deed) in deeds {
        let caller = world.caller(*actor, means, &present);
        if !(rule.door)(&caller, deed.action()) {
            continue;
        }
        let own = world.reach(*actor, means);
        world.attempt(&caller, deed, rule);
        let after = reaches(&world);
        for person in 0..PEOPLE {
            let gained = after[person].difference(&before[person]);
            let beyond: Vec<_> = gained.filter(|one| !in_hand(&own, one)).collect();
            prop_assert!(
                beyond.is_empty(),
                "{actor} gave {person} by {deed:?} with {means:?}: {beyond:?}"
            );
            let lost = before[person].difference(&after[person]);
            let beyond: Vec<_> = lost.filter(|one| one.0 == 0 && !in_hand(&own, one)).collect();
            prop_assert!(
                beyond.is_empty(),
                "{actor} took from {person} by {deed:?} with {means:?}: {beyond:?}"
            );
        }
        before = after;
    }
    Ok(())
}

/// Where duties are apart, nobody comes to two of them, and nobody to a duty by their own hand, whatever roles are made,
/// bound and reshaped: not even whoever appoints all others.
#[test]
fn t18_nobody_takes_a_second_duty_or_appoints_themself() {
    let walked = runner(300).run(&histories(), |(roles, rows, deeds)| {
        let mut world = World::new(Vec::new(), roles);
        world.apart = true;
        for row in rows {
            world.bindings.push(row);
            if !world.is_apart() {
                world.bindings.pop();
            }
        }
        let present = moments()[0];
        for (actor, means, deed) in &deeds {
            let caller = world.caller(*actor, means, &present);
            if !caller.may_somewhere(deed.action()) {
                continue;
            }
            let before: Vec<_> = (0..PEOPLE).map(|person| world.duties(person)).collect();
            world.attempt(&caller, deed, &RULE);
            for person in 0..PEOPLE {
                prop_assert!(world.duties(person).len() < 2, "{person} by {deed:?}");
            }
            let after = world.duties(*actor);
            prop_assert!(
                after.is_subset(&before[*actor]),
                "{actor} appointed themself by {deed:?}"
            );
        }
        Ok(())
    });
    walked.unwrap();
}

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
}

/// The same histories each time: whether the walk sees must not hang on its luck.
fn seeing() -> TestRunner {
    let config = Config {
        cases: 20_000,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

#[test]
fn t18_reachable_rights_never_exceed_what_was_granted() {
    let walked = runner(200).run(&histories(), |(roles, rows, deeds)| walk(&RULE, roles, rows, &deeds));
    walked.unwrap();
}

/// The walk finds what is wrong with rules that look right.
#[test]
fn t18_the_walk_sees_through_weaker_rules() {
    let forgets_conditions = Rule {
        give: |caller, binding| caller.lacks(&binding.rights, binding.project),
        ..RULE
    };
    let takes_anything = Rule {
        take: |_, _| None,
        ..RULE
    };
    let forgets_where_a_role_is_bound = Rule {
        reshape: |caller, old, new, _| caller.lacks(old, None).or_else(|| caller.lacks(new, None)),
        ..RULE
    };
    let forgets_what_a_role_held = Rule {
        reshape: |caller, _, new, carried| caller.cannot_reshape(new, new, carried),
        ..RULE
    };
    // A key without scopes that may do what its person may: it gives what it is not good for itself.
    let forgets_the_key = Rule {
        door: |_, _| true,
        give: |caller, binding| {
            let person = Caller::newcomer(
                caller.tenant(),
                UserId::mint(),
                caller.bindings().to_vec(),
                caller.address(),
                caller.request(),
            );
            person.cannot_give(binding)
        },
        ..RULE
    };
    for (name, weak) in [
        ("forgets the key", forgets_the_key),
        ("forgets conditions", forgets_conditions),
        ("takes anything", takes_anything),
        ("forgets where a role is bound", forgets_where_a_role_is_bound),
        ("forgets what a role held", forgets_what_a_role_held),
    ] {
        let walked = seeing().run(&histories(), |(roles, rows, deeds)| walk(&weak, roles, rows, &deeds));
        assert!(walked.is_err(), "nothing was found where the rule {name}");
    }
}
