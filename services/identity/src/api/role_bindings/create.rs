use actix_web::post;
use actix_web::web::Data;
use auth::action::role_binding;
use auth::{Action, Binding, Condition, Duties, Rights, Role};
use chrono::{DateTime, Utc};
use db::{Created, Outcome, Resource, Status};
use ids::{IdOrName, ProjectId, RoleId};
use scope::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{BindingCondition, RoleBindingView, SubjectRef};
use crate::binding::{RoleBinding, Subject};
use crate::duty;
use crate::state::Identity;
use crate::store::{self, role_bindings::Bound};

/// A role binding to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRoleBinding {
    /// Who shall carry the role.
    pub subject: SubjectRef,
    /// The role: a built-in one's name, or the name or id of one of the tenant's own.
    #[schema(example = "operator")]
    pub role: String,
    /// The project, by id or name; none means the whole tenant.
    #[schema(example = "default")]
    pub project: Option<String>,
    /// When it shall count; always, unless said otherwise.
    #[serde(default)]
    pub condition: BindingCondition,
}

impl CreateRoleBinding {
    /// The checked body, or every complaint at once.
    fn check(&self, now: DateTime<Utc>) -> Result<(Subject, Condition), fault::Error> {
        match (self.subject.check(), self.condition.check(now)) {
            (Ok(subject), Ok(condition)) => Ok((subject, condition)),
            (subject, condition) => {
                let wrong = subject.err().into_iter().chain(condition.err().into_iter().flatten());
                Err(fault::Error::invalid_fields(wrong.collect()))
            }
        }
    }
}

/// Binds a role.
#[utoipa::path(
    operation_id = "create_role_binding",
    tag = "role-bindings",
    description = "Gives a role to a user, group or service account, on the whole tenant or a project. Nobody gives what they do \
                   not carry there themselves, nor on weaker conditions; whoever may `duty.appoint` gives roles of the other duties, too. Where duties \
                   are apart, nobody comes to a second. Needs `role_binding.create` there and a factor shown \
                   of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats within a day get the first answer"),
    ),
    request_body(content = CreateRoleBinding, description = "The role binding to be"),
    responses((status = 201, description = "Bound", body = RoleBindingView), Refusals),
    security(("bearer" = [])),
)]
#[post("/role-bindings")]
pub async fn create_role_binding(
    ask: Change<role_binding::Create, CreateRoleBinding>,
    identity: Data<Identity>,
) -> Outcome<RoleBindingView> {
    let (subject, condition) = ask.body.check(identity.db.clock().now())?;

    let mut tx = ask.begin(&identity.db).await?;
    let place = Place::find(&mut tx, ask.body.project.as_deref()).await?;
    if !store::role_bindings::has_subject(&mut tx, subject).await? {
        return Err(fault::Error::invalid("/subject/id", "is nobody of this tenant").into());
    }
    let (bound, rights) = role(&mut tx, &ask.body.role).await?;
    let binding = Binding {
        rights,
        project: place.project(),
        condition,
    };
    if let Some(lacking) = tx.caller().cannot_give(&binding) {
        return Err(db::forbidden(lacking, place.name()).into());
    }

    must_keep_apart(&mut tx, subject, binding.rights.duties()).await?;

    let bound = place.insert(&mut tx, subject, bound, binding).await?;

    tx.finish(Status::Created, Created(RoleBindingView::from(&bound))).await
}

type Tx = db::Change<role_binding::Create>;

/// Where duties are apart, nobody comes to a second. The database holds to that anyway; this says what is in the way.
async fn must_keep_apart(tx: &mut Tx, subject: Subject, duties: Duties) -> Result<(), fault::Error> {
    if !store::duties::are_apart(tx).await? {
        return Ok(());
    }
    duty::must_be_one(duties, Some(subject))?;
    let held = store::role_bindings::held(tx, subject).await?;
    let caller = tx.caller().clone();
    duty::must_be_free(duties, &held, |bound| {
        caller.may(role_binding::Read::INFO, bound.place())
    })
}

/// Where a role is to be bound, with the right to bind there.
enum Place {
    Tenant(db::Granted<db::Tenant, role_binding::Create>),
    Project(db::Granted<scope::Project, role_binding::Create>),
}

impl Place {
    async fn find(tx: &mut Tx, project: Option<&str>) -> Result<Self, fault::Error> {
        match project {
            Some(project) => tx.project(&IdOrName::of(project)).await.map(Self::Project),
            None => tx.tenant().map(Self::Tenant),
        }
    }

    fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Tenant(_) => None,
            Self::Project(project) => Some(project.id),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "the whole tenant, always, to give it there on these conditions",
            Self::Project(_) => "this project, always, to give it there on these conditions",
        }
    }

    async fn insert(
        &self,
        tx: &mut Tx,
        subject: Subject,
        bound: Bound,
        binding: Binding,
    ) -> Result<RoleBinding, fault::Error> {
        let there = (binding.project, &binding.condition);
        let made = match self {
            Self::Tenant(tenant) => store::role_bindings::insert(tx, tenant, subject, bound, there).await,
            Self::Project(project) => store::role_bindings::insert(tx, project, subject, bound, there).await,
        };
        let (id, created_at) = made.map_err(|error| match (duty::told(&error), error) {
            (Some(mixed), _) => mixed,
            (None, db::Error::Taken(_)) => fault::Error::new(
                fault::Kind::AlreadyExists,
                "The subject carries this role there already; remove that binding to make one on other conditions.",
            ),
            (None, other) => other.into(),
        })?;
        let role = match bound {
            Bound::BuiltIn(_) => None,
            Bound::Custom(id) => Some(id),
        };
        Ok(RoleBinding {
            tenant: tx.tenant_id(),
            id,
            subject,
            role,
            binding,
            created_at,
        })
    }
}

/// The role of that name or id, fixed until the end of the transaction, and what it carries.
async fn role(tx: &mut Tx, name: &str) -> Result<(Bound, Rights), fault::Error> {
    if let Some(role) = Role::bindable(tx.tenant_id()).find(|role| role.name() == name) {
        return Ok((Bound::BuiltIn(role), Rights::Role(role)));
    }
    let custom = store::roles::lookup_fixed(tx, &IdOrName::<RoleId>::of(name)).await?;
    let custom = custom.ok_or_else(|| fault::Error::invalid("/role", "is no role of this tenant"))?;
    Ok((Bound::Custom(custom.id), custom.rights()))
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Condition, Rights, Role};
    use chrono::TimeDelta;
    use ids::{GroupId, ProjectId, RoleId, ServiceAccountId, UserId};
    use serde_json::{Value, json};

    use crate::testing::{restless, start};

    fn viewer_for(kind: &str, id: &str) -> Value {
        json!({"subject": {"kind": kind, "id": id}, "role": "viewer"})
    }

    #[tokio::test]
    async fn people_groups_and_machines_carry_what_they_are_given() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let user = test
            .newcomer(&tenant, UserId::mint(), "ada@acme.example")
            .await
            .to_string();
        let group = test.group(&tenant, "crew").await.to_string();
        let account = test.account(&tenant, "robot").await.to_string();
        for (kind, id) in [("user", user), ("group", group), ("service_account", account)] {
            let until = test.bench.clock.now() + TimeDelta::hours(1);
            let body = json!({"subject": {"kind": kind, "id": id}, "role": "viewer", "project": "default",
                              "condition": {"until": until, "networks": ["10.1.2.3/8", "::1"], "factor_minutes": 5}});
            let made = owner.post("/api/v1/role-bindings", body.clone()).await.expect(201);
            assert_eq!(made.json["condition"]["networks"], json!(["10.0.0.0/8", "::1/128"]));
            assert_eq!(made.json["project_id"], json!(tenant.project));
            let read = owner.get(made.header("location")).await.expect(200).json;
            for field in ["id", "subject", "role", "role_id", "project_id"] {
                assert_eq!(read[field], made.json[field], "{field}");
            }
            assert_eq!(read["condition"]["networks"], made.json["condition"]["networks"]);
            assert_eq!(
                owner.post("/api/v1/role-bindings", body).await.expect(409).code(),
                "already_exists"
            );
            owner
                .post("/api/v1/role-bindings", viewer_for(kind, &id))
                .await
                .expect(201);
        }
        assert_eq!(test.audit(&tenant).await[0].0, "role_binding.create");
    }

    #[tokio::test]
    async fn t01_what_is_anothers_reads_like_what_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let (me, them) = (
            test.client.caller(&mine.caller(Role::Owner)),
            test.client.caller(&theirs.caller(Role::Owner)),
        );
        let user = test.newcomer(&mine, UserId::mint(), "ada@mine.example").await;
        let stranger = test.newcomer(&theirs, UserId::mint(), "ada@theirs.example").await;
        let crew = test.group(&theirs, "crew").await;
        let robot = test.account(&theirs, "robot").await;
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let role = them.post("/api/v1/roles", body).await.expect(201).json["id"].clone();
        let pairs = [
            (
                viewer_for("user", &stranger.to_string()),
                viewer_for("user", &UserId::mint().to_string()),
            ),
            (
                viewer_for("group", &crew.to_string()),
                viewer_for("group", &GroupId::mint().to_string()),
            ),
            (
                viewer_for("service_account", &robot.to_string()),
                viewer_for("service_account", &ServiceAccountId::mint().to_string()),
            ),
            (
                json!({"subject": {"kind": "user", "id": user}, "role": role}),
                json!({"subject": {"kind": "user", "id": user}, "role": RoleId::mint()}),
            ),
            (
                json!({"subject": {"kind": "user", "id": user}, "role": "viewer", "project": theirs.project}),
                json!({"subject": {"kind": "user", "id": user}, "role": "viewer", "project": ProjectId::mint()}),
            ),
        ];
        for (foreign, absent) in pairs {
            let foreign = me.post("/api/v1/role-bindings", foreign).await;
            let absent = me.post("/api/v1/role-bindings", absent).await;
            assert!(matches!(foreign.status.as_u16(), 400 | 404), "{}", foreign.text);
            assert_eq!(foreign.without_request(), absent.without_request());
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let user = test.newcomer(&tenant, UserId::mint(), "ada@acme.example").await;
        let now = test.bench.clock.now();
        let body = json!({"subject": {"kind": "user", "id": "x"}, "role": "viewer",
                          "condition": {"until": now, "networks": ["10.0.0.0/40"], "factor_minutes": 0}});
        let refused = owner.post("/api/v1/role-bindings", body).await.expect(400).json;
        let places: Vec<_> = (0..4)
            .map(|n| refused["errors"][n]["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(
            places,
            [
                "/subject/id",
                "/condition/until",
                "/condition/networks/0",
                "/condition/factor_minutes"
            ]
        );
        let subject = json!({"kind": "user", "id": user});
        for body in [
            json!({"subject": subject, "role": "viewer", "condition": {"networks": vec!["10.0.0.0/8"; 51]}}),
            json!({"subject": subject, "role": "platform_operator"}),
            json!({"subject": subject, "role": "anyone"}),
            json!({"subject": subject, "role": "system"}),
            json!({"subject": {"kind": "robot", "id": user}, "role": "viewer"}),
            json!({"subject": subject, "role": "viewer", "tenant_id": tenant.id}),
        ] {
            owner.post("/api/v1/role-bindings", body).await.expect(400);
        }
    }

    #[tokio::test]
    async fn t18_nobody_gives_what_they_lack() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let user = test.newcomer(&tenant, UserId::mint(), "ada@acme.example").await;
        let give = |role: &str, project: Option<&str>| json!({"subject": {"kind": "user", "id": user}, "role": role, "project": project});
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "snoop", "permissions": ["audit.list"]});
        owner.post("/api/v1/roles", body).await.expect(201);
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        for role in ["owner", "auditor", "snoop"] {
            let refused = admin.post("/api/v1/role-bindings", give(role, None)).await.expect(403);
            assert_eq!(refused.code(), "forbidden", "{role}");
            admin
                .post("/api/v1/role-bindings", give(role, Some("default")))
                .await
                .expect(403);
        }
        admin
            .post("/api/v1/role-bindings", give("viewer", None))
            .await
            .expect(201);
        let local = tenant.caller_with(vec![Binding::role(Role::Admin, Some(tenant.project))]);
        let local = test.client.caller(&local);
        local
            .post("/api/v1/role-bindings", give("operator", None))
            .await
            .expect(403);
        local
            .post("/api/v1/role-bindings", give("operator", Some("default")))
            .await
            .expect(201);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer
            .post("/api/v1/role-bindings", give("viewer", None))
            .await
            .expect(403);
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        let refused = stale
            .post("/api/v1/role-bindings", give("admin", None))
            .await
            .expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }

    #[tokio::test]
    async fn t18_a_right_on_a_condition_is_given_on_no_weaker_one() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let user = test.newcomer(&tenant, UserId::mint(), "ada@acme.example").await;
        let tonight = test.bench.clock.now() + TimeDelta::hours(3);
        let own = Binding {
            rights: Rights::Role(Role::Owner),
            project: None,
            condition: Condition {
                until: Some(tonight),
                ..Condition::NONE
            },
        };
        let guest = test.client.caller(&tenant.caller_with(vec![own]));
        let give = |condition: Value| json!({"subject": {"kind": "user", "id": user}, "role": "viewer", "condition": condition});
        guest.post("/api/v1/role-bindings", give(json!({}))).await.expect(403);
        let later = json!({"until": tonight + TimeDelta::seconds(1)});
        guest.post("/api/v1/role-bindings", give(later)).await.expect(403);
        guest
            .post("/api/v1/role-bindings", give(json!({"until": tonight})))
            .await
            .expect(201);
    }
}
