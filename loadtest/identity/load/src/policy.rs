//! A permission check in this process: our built-in policy, and the same one in Cedar.
//!
//! Cedar is given what is good for it: entities, requests and, for each caller, the slice of policies that can concern
//! them are built beforehand, and only the decision is timed. Both must decide alike on everything first.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use auth::action::ALL;
use auth::{Binding, Caller, Info, Level, Place, Role};
use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request};
use ids::{ProjectId, RequestId, TenantId, UserId};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Options {
    /// Of each measurement; there are four of each kind, in turns.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// One question, put to both.
struct Question {
    caller: usize,
    action: &'static Info,
    place: Place,
    request: Request,
}

struct World {
    callers: Vec<Caller>,
    slices: Vec<PolicySet>,
    entities: Entities,
    questions: Vec<Question>,
}

pub fn run(options: &Options) -> anyhow::Result<Value> {
    let world = World::build()?;
    let authorizer = Authorizer::new();
    let mut allowed = 0;
    for question in &world.questions {
        let (ours, theirs) = (world.ours(question), world.theirs(&authorizer, question));
        ensure!(
            ours == theirs,
            "{} for caller {}",
            question.action.name,
            question.caller
        );
        allowed += usize::from(ours);
    }
    let each = Duration::from_secs_f64(options.seconds);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        ours.push(world.time(each, |question| world.ours(question)));
        theirs.push(world.time(each, |question| world.theirs(&authorizer, question)));
        theirs.push(world.time(each, |question| world.theirs(&authorizer, question)));
        ours.push(world.time(each, |question| world.ours(question)));
    }
    let (ours_ns, theirs_ns) = (median(&mut ours), median(&mut theirs));
    Ok(json!({
        "questions": world.questions.len(), "allowed": allowed, "decide_alike": true,
        "ours_ns": ours_ns, "cedar_ns": theirs_ns, "ratio": theirs_ns / ours_ns,
        "ours_all_ns": ours, "cedar_all_ns": theirs,
    }))
}

impl World {
    /// People with each role on their tenant or on one of its projects, asked about everything, at home and elsewhere.
    fn build() -> anyhow::Result<Self> {
        let (home, elsewhere) = (TenantId::mint(), TenantId::mint());
        let (here, there, foreign) = (ProjectId::mint(), ProjectId::mint(), ProjectId::mint());
        let roles = [Role::Owner, Role::Admin, Role::Operator, Role::Viewer, Role::Auditor];
        let mut held: Vec<Vec<(Role, Option<ProjectId>)>> = vec![Vec::new()];
        held.extend(roles.map(|role| vec![(role, None)]));
        held.extend(roles.map(|role| vec![(role, Some(here))]));
        held.push(vec![(Role::Viewer, None), (Role::Operator, Some(here))]);

        let users: Vec<UserId> = held.iter().map(|_| UserId::mint()).collect();
        let person = |(user, held): (&UserId, &Vec<(Role, Option<ProjectId>)>)| {
            let bindings = held.iter().map(|(role, project)| Binding::role(*role, *project));
            Caller::newcomer(home, *user, bindings.collect(), None, RequestId::mint())
        };
        let callers = users.iter().zip(&held).map(person).collect();
        let slice = |held: &Vec<_>| policies(held, home).parse().context("policies");
        let slices = held.iter().map(slice).collect::<anyhow::Result<_>>()?;

        let places = [
            Place::Tenant(home),
            Place::Tenant(elsewhere),
            Place::Project(home, here),
            Place::Project(home, there),
            Place::Project(elsewhere, foreign),
        ];
        let mut questions = Vec::new();
        for (caller, user) in users.iter().enumerate() {
            for action in ALL {
                for place in places.into_iter().filter(|place| is_asked_of(action, *place)) {
                    let request = request(*user, action, place)?;
                    questions.push(Question {
                        caller,
                        action,
                        place,
                        request,
                    });
                }
            }
        }
        // In any order, so that no branch is foreseen.
        let order = crate::chance::Chance::new(11).order(questions.len());
        let mut sorted: Vec<(usize, Question)> = order.into_iter().zip(questions).collect();
        sorted.sort_by_key(|(at, _)| *at);
        Ok(Self {
            callers,
            slices,
            entities: entities(&users, (home, elsewhere), (&[here, there], foreign))?,
            questions: sorted.into_iter().map(|(_, question)| question).collect(),
        })
    }

    fn ours(&self, question: &Question) -> bool {
        let caller = self.callers.get(question.caller);
        caller.is_some_and(|caller| caller.may(question.action, question.place))
    }

    fn theirs(&self, authorizer: &Authorizer, question: &Question) -> bool {
        self.slices.get(question.caller).is_some_and(|policies| {
            let answer = authorizer.is_authorized(&question.request, policies, &self.entities);
            answer.decision() == Decision::Allow
        })
    }

    /// Nanoseconds of one decision.
    fn time(&self, at_least: Duration, decide: impl Fn(&Question) -> bool) -> f64 {
        let begin = Instant::now();
        let mut rounds = 0;
        while begin.elapsed() < at_least {
            for question in &self.questions {
                black_box(decide(black_box(question)));
            }
            rounds += 1;
        }
        begin.elapsed().as_nanos() as f64 / f64::from(rounds) / self.questions.len() as f64
    }
}

fn is_asked_of(action: &Info, place: Place) -> bool {
    matches!(
        (action.level, place),
        (Level::Tenant, Place::Tenant(_)) | (Level::Project, Place::Project(..))
    )
}

/// What everybody may do in their tenant, and a policy for each binding.
fn policies(held: &[(Role, Option<ProjectId>)], home: TenantId) -> String {
    let all = [(Role::Anyone, None)];
    let policy = |(role, project): &(Role, Option<ProjectId>)| {
        let place = match project {
            Some(project) => format!("Project::\"{project}\""),
            None => format!("Tenant::\"{home}\""),
        };
        format!(
            "permit (principal, action in Action::\"{}\", resource in {place});\n",
            role.name()
        )
    };
    all.iter().chain(held).map(policy).collect()
}

fn request(user: UserId, action: &Info, place: Place) -> anyhow::Result<Request> {
    let resource = match place {
        Place::Platform => "Platform::\"all\"".to_owned(),
        Place::Tenant(tenant) => format!("Tenant::\"{tenant}\""),
        Place::Project(_, project) => format!("Project::\"{project}\""),
    };
    let request = Request::new(
        format!("User::\"{user}\"").parse()?,
        format!("Action::\"{}\"", action.name).parse()?,
        resource.parse()?,
        Context::empty(),
        None,
    );
    Ok(request?)
}

/// Projects stand in their tenants, and actions in the roles that carry them.
fn entities(
    users: &[UserId],
    (home, elsewhere): (TenantId, TenantId),
    (projects, foreign): (&[ProjectId], ProjectId),
) -> anyhow::Result<Entities> {
    let entity = |kind: &str, id: &str, parents: Vec<(&str, String)>| {
        let parents: Vec<Value> = parents
            .iter()
            .map(|(kind, id)| json!({"type": kind, "id": id}))
            .collect();
        json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": parents})
    };
    let mut all = vec![
        entity("Tenant", &home.to_string(), Vec::new()),
        entity("Tenant", &elsewhere.to_string(), Vec::new()),
        entity("Project", &foreign.to_string(), vec![("Tenant", elsewhere.to_string())]),
    ];
    let own = projects
        .iter()
        .map(|project| entity("Project", &project.to_string(), vec![("Tenant", home.to_string())]));
    all.extend(own);
    all.extend(
        users
            .iter()
            .map(|user| entity("User", &user.to_string(), vec![("Tenant", home.to_string())])),
    );
    for action in ALL {
        let roles = Role::ALL.into_iter().filter(|role| action.roles.contains(*role));
        let roles = roles.map(|role| ("Action", role.name().to_owned()));
        all.push(entity("Action", action.name, roles.collect()));
    }
    all.extend(Role::ALL.map(|role| entity("Action", role.name(), Vec::new())));
    Ok(Entities::from_json_value(Value::from(all), None)?)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures.get((figures.len() - 1) / 2), figures.get(figures.len() / 2));
    low.zip(high).map_or(f64::NAN, |(low, high)| f64::midpoint(*low, *high))
}
