use actix_web::post;
use actix_web::web::Data;
use auth::action::{access, named, project, role, role_binding};
use auth::explain::{ABOUT_OTHERS, Part, is_anyones};
use auth::{Action, Caller, Credential, Info, Level, Moment, Place, Principal, Role, Standing};
use db::{Change as Tx, Done, Outcome, Status};
use fault::FieldError;
use ids::{ProjectId, RequestId, UserId};
use scope::Scope;
use web::{Change, DryRun, Refusals};

use super::{BindingPart, Explain, Explanation, Ground, Reason};
use crate::api::role_bindings::{RoleBindingView, SubjectRef};
use crate::binding::{RoleBinding, Subject};
use crate::state::Identity;
use crate::store;

impl Explain {
    fn check(&self) -> Result<(Option<Subject>, &'static Info), fault::Error> {
        let subject = self.principal.as_ref().map(SubjectRef::check).transpose();
        let subject = subject.map_err(|wrong| FieldError::new("/principal/id", wrong.detail));
        let action = named(&self.permission);
        let action =
            action.ok_or_else(|| FieldError::new("/permission", "is no action; `GET /roles` names what each role may"));
        match (subject, action) {
            (Ok(subject), Ok(action)) => Ok((subject, action)),
            (subject, action) => {
                let wrong = subject.err().into_iter().chain(action.err());
                Err(fault::Error::invalid_fields(wrong.collect()))
            }
        }
    }
}

/// Explains a right.
#[utoipa::path(
    operation_id = "explain_permission",
    tag = "roles",
    description = "Says whether somebody may do something, by the code that decides it, which bindings make it so, and which \
                   roles would. To ask about others takes `role_binding.list` there; from where they come and when they \
                   showed a factor is not known, so what depends on that counts as not met.",
    params(DryRun),
    request_body(content = Explain, description = "Who, and what"),
    responses((status = 200, description = "Whether, and why", body = Explanation), Refusals),
    security(("bearer" = [])),
)]
#[post("/authorize:explain")]
pub async fn explain_permission(
    ask: Change<access::Explain, Explain>,
    identity: Data<Identity>,
) -> Outcome<Explanation> {
    let (subject, action) = ask.body.check()?;

    let mut tx = ask.begin(&identity.db).await?;
    let project = match &ask.body.project {
        Some(named) => Some(readable(&mut tx, named).await?),
        None => None,
    };
    let asked = Asked { action, project };
    let who = Who::find(&mut tx, subject, &asked).await?;
    let held = store::role_bindings::held(&mut tx, who.subject).await?;
    let tenant = tx.tenant()?;
    let custom = store::roles::list(&mut tx, &tenant, None, None, i64::MAX).await?;

    let verdict = who.verdict(&tx, &held, &asked);
    let built_in = Role::bindable(tx.tenant_id()).filter(|role| action.roles.contains(*role));
    let listed = tx.caller().may(role::List::INFO, Place::Tenant(tenant.id));
    let own = custom.iter().filter(|role| listed && role.rights().carry(action));
    let roles = built_in
        .map(|role| role.name().to_owned())
        .chain(own.map(|role| role.name.clone()))
        .collect();

    let explanation = verdict.told(tx.caller(), &held, &asked, roles);
    tx.finish(Status::Ok, Done(explanation)).await
}

/// The project, if the caller may know of it.
async fn readable(tx: &mut Tx<access::Explain>, named: &ids::IdOrName<ProjectId>) -> Result<ProjectId, fault::Error> {
    let found = tx.project(named).await?;
    let place = Place::Project(found.tenant, found.id);
    if !tx.caller().may(project::Read::INFO, place) {
        return Err(fault::Error::not_found("project"));
    }
    Ok(found.id)
}

/// What is asked for, and where.
struct Asked {
    action: &'static Info,
    project: Option<ProjectId>,
}

impl Asked {
    fn place(&self, caller: &Caller) -> Place {
        match (self.action.level, self.project) {
            (Level::Platform, _) => Place::Platform,
            (_, Some(project)) => Place::Project(caller.tenant(), project),
            (_, None) => Place::Tenant(caller.tenant()),
        }
    }
}

/// Whose right is explained.
struct Who {
    subject: Subject,
    is_caller: bool,
    enabled: bool,
}

impl Who {
    async fn find(tx: &mut Tx<access::Explain>, asked: Option<Subject>, what: &Asked) -> Result<Self, fault::Error> {
        let own = match tx.caller().principal() {
            Principal::User(id) => Some(Subject::User(*id)),
            Principal::ServiceAccount(id) => Some(Subject::ServiceAccount(*id)),
            Principal::System(_) | Principal::Operator(_) => None,
        };
        let subject = asked.or(own).ok_or_else(|| fault::Error::not_found("person"))?;
        let is_caller = Some(subject) == own;
        if is_caller {
            let enabled = true;
            return Ok(Self {
                subject,
                is_caller,
                enabled,
            });
        }
        let place = match what.project {
            Some(project) => Place::Project(tx.tenant_id(), project),
            None => Place::Tenant(tx.tenant_id()),
        };
        if !tx.caller().may(ABOUT_OTHERS, place) {
            return Err(db::forbidden(ABOUT_OTHERS, "this, to ask about others"));
        }
        let enabled = store::role_bindings::is_enabled(tx, subject).await?;
        let enabled = enabled.ok_or_else(|| fault::Error::not_found("principal"))?;
        Ok(Self {
            subject,
            is_caller,
            enabled,
        })
    }

    fn verdict(&self, tx: &Tx<access::Explain>, held: &[RoleBinding], asked: &Asked) -> Verdict {
        let bindings: Vec<_> = held.iter().map(|bound| bound.binding.clone()).collect();
        let place = asked.place(tx.caller());
        // When a factor was shown is known of nobody here: of the caller it stands in what already counts.
        let moment = Moment {
            now: tx.now(),
            address: tx.caller().address().filter(|_| self.is_caller),
            factor_at: None,
        };
        let principal = match self.subject {
            Subject::User(id) => Principal::User(id),
            Subject::ServiceAccount(id) => Principal::ServiceAccount(id),
            // Whoever is in it.
            Subject::Group(_) => Principal::User(UserId::mint()),
        };
        let other = Standing {
            live: self.enabled,
            ..Standing::of(tx.tenant_id(), principal, bindings.clone(), None)
        };
        let other = other.caller(Credential::None, &moment, RequestId::mint());
        let caller = if self.is_caller {
            Some(tx.caller().clone())
        } else {
            other
        };
        let Some(caller) = caller else {
            let parts = vec![Part::Withheld; bindings.len()];
            return Verdict {
                of: Err(Reason::Disabled),
                parts,
            };
        };
        Verdict {
            of: caller.verdict(asked.action, place).map_err(Reason::from),
            parts: caller.parts(&bindings, &moment, asked.action, place),
        }
    }
}

struct Verdict {
    of: Result<(), Reason>,
    parts: Vec<Part>,
}

impl Verdict {
    fn told(self, caller: &Caller, held: &[RoleBinding], asked: &Asked, roles: Vec<String>) -> Explanation {
        let readable = |bound: &RoleBinding| {
            let place = match bound.binding.project {
                Some(project) => Place::Project(bound.tenant, project),
                None => Place::Tenant(bound.tenant),
            };
            bound.subject.user().is_some_and(|user| caller.user() == Some(user))
                || caller.may(role_binding::Read::INFO, place)
        };
        let reason = match self.of {
            Ok(()) if is_anyones(asked.action) => Reason::Anyone,
            Ok(()) => Reason::Granted,
            Err(reason) => reason,
        };
        let grounds = held.iter().zip(&self.parts).filter(|(bound, _)| readable(bound));
        let bindings: Vec<_> = grounds
            .filter_map(|(bound, part)| {
                let part = BindingPart::of(*part)?;
                let binding = RoleBindingView::from(bound);
                Some(Ground { binding, part })
            })
            .collect();
        Explanation {
            allowed: self.of.is_ok(),
            reason,
            detail: sentence(reason, &bindings, &roles),
            permission: asked.action.name.to_owned(),
            project_id: asked.project,
            bindings,
            roles,
            guarded: asked.action.guarded,
            scopes: caller.scope().map(|scope| scope.names().to_vec()),
        }
    }
}

fn sentence(reason: Reason, grounds: &[Ground], roles: &[String]) -> String {
    let counting = grounds.iter().find(|ground| ground.part == BindingPart::Counts);
    match (reason, counting) {
        (Reason::Anyone, _) => "Whoever is signed in may.".to_owned(),
        (Reason::Granted, Some(ground)) => format!("The role {} carries it.", ground.binding.role),
        (Reason::Granted, None) => "A role carries it.".to_owned(),
        (Reason::Missing, _) if grounds.is_empty() && roles.is_empty() => {
            "No role of this tenant carries it.".to_owned()
        }
        (Reason::Missing, _) if grounds.is_empty() => {
            format!(
                "No role that is bound there carries it; these would: {}.",
                roles.join(", ")
            )
        }
        (Reason::Missing, _) => "A role that carries it is bound, but does not count here and now.".to_owned(),
        (Reason::Scope, _) => "The API key is not good for it; its scopes must name it.".to_owned(),
        (Reason::StepUp, _) => "It asks for a factor shown of late; show yours again.".to_owned(),
        (Reason::Owed, _) => "A password must be changed or a second factor added first.".to_owned(),
        (Reason::Disabled, _) => "They are disabled and cannot sign in.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use chrono::TimeDelta;
    use ids::{ProjectId, UserId};
    use serde_json::{Value, json};
    use testkit::{Client, TestTenant};

    use crate::testing::{Test, restless, start};

    const PATH: &str = "/api/v1/authorize:explain";

    /// The answer's verdict, reason, and what each binding that carries it has to do with it.
    async fn asked(client: &Client, body: Value) -> (bool, String, Vec<String>) {
        let told = client.post(PATH, body).await.expect(200).json;
        let parts = told["bindings"].as_array().unwrap().iter();
        (
            told["allowed"].as_bool().unwrap(),
            told["reason"].as_str().unwrap().to_owned(),
            parts.map(|one| one["part"].as_str().unwrap().to_owned()).collect(),
        )
    }

    fn is(allowed: bool, reason: &str, parts: &[&str]) -> (bool, String, Vec<String>) {
        (
            allowed,
            reason.to_owned(),
            parts.iter().map(|part| (*part).to_owned()).collect(),
        )
    }

    async fn bind(test: &Test, tenant: &TestTenant, user: UserId, role: &str, rest: Value) {
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let mut body = json!({"subject": {"kind": "user", "id": user}, "role": role});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        owner.post("/api/v1/role-bindings", body).await.expect(201);
    }

    #[tokio::test]
    async fn it_names_what_carries_a_right_and_what_does_not_count() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let crew = Binding::role(Role::Operator, Some(tenant.project));
        test.join(&tenant, ada.id, "crew", &crew).await;
        let soon = test.bench.clock.now() + TimeDelta::hours(1);
        let office = json!({"condition": {"until": soon, "networks": ["192.0.2.0/24"]}});
        bind(&test, &tenant, ada.id, "auditor", office).await;
        let shift = json!({"condition": {"factor_minutes": 5}});
        bind(&test, &tenant, ada.id, "admin", shift).await;

        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let of = |permission: &str, project: Option<&str>| json!({"principal": {"kind": "user", "id": ada.id}, "permission": permission, "project": project});
        let ask = async |permission, project| asked(&owner, of(permission, project)).await;
        assert_eq!(
            ask("project.read", None).await,
            is(true, "granted", &["counts", "elsewhere", "network", "factor"])
        );
        assert_eq!(
            ask("vm.create", Some("default")).await,
            is(true, "granted", &["counts", "factor"])
        );
        assert_eq!(ask("audit.list", None).await, is(false, "missing", &["network"]));
        assert_eq!(ask("user.modify", None).await, is(false, "missing", &["factor"]));
        assert_eq!(ask("me.read", None).await, is(true, "anyone", &[]));
        assert_eq!(ask("pool.create", None).await, is(false, "missing", &[]));

        let told = owner.post(PATH, of("audit.list", None)).await.expect(200).json;
        assert_eq!(told["roles"], json!(["owner", "auditor"]));
        test.role(&tenant, "snoop", &["audit.*"]).await;
        let told = owner.post(PATH, of("audit.list", None)).await.expect(200).json;
        assert_eq!(told["roles"], json!(["owner", "auditor", "snoop"]));

        test.bench
            .alter(
                "update identity.users set enabled = false where tenant_id = $1",
                tenant.id,
            )
            .await;
        assert_eq!(ask("project.read", None).await.1, "disabled");
    }

    #[tokio::test]
    async fn of_oneself_it_says_what_the_door_says() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Owner, Role::Admin, Role::Operator, Role::Viewer, Role::Auditor] {
            let person = test.person(&tenant, role.name(), role).await;
            for (permission, path) in [
                ("user.list", "/api/v1/users"),
                ("role.list", "/api/v1/roles"),
                ("service_account.list", "/api/v1/service-accounts"),
                ("project.list", "/api/v1/projects"),
            ] {
                let (allowed, _, parts) = asked(&person.client, json!({"permission": permission})).await;
                assert_eq!(
                    allowed,
                    person.client.get(path).await.status == 200,
                    "{permission} as {role:?}"
                );
                assert_eq!(
                    parts.contains(&"counts".to_owned()),
                    allowed && permission != "project.list"
                );
            }
        }
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        assert_eq!(asked(&stale, json!({"permission": "role.create"})).await.1, "step_up");
        let ada = test.enter_new("byte").await;
        let key = ada
            .post("/api/v1/me/api-keys", json!({"name": "a"}))
            .await
            .expect(201)
            .json["key"]
            .clone();
        let key = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        assert_eq!(
            asked(&key, json!({"permission": "role_binding.create"})).await,
            is(false, "scope", &["withheld"])
        );
    }

    #[tokio::test]
    async fn t01_about_others_it_takes_the_right_to_read_bindings() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let stranger = test.person(&theirs, "eve", Role::Owner).await;
        let ada = test.person(&mine, "ada", Role::Owner).await;
        let viewer = test.person(&mine, "vic", Role::Viewer).await;
        let of = |id: UserId| json!({"principal": {"kind": "user", "id": id}, "permission": "vm.read"});
        let refused = viewer.client.post(PATH, of(ada.id)).await.expect(403);
        assert_eq!(refused.json["missing"]["permission"], "role_binding.list");
        viewer.client.post(PATH, of(viewer.id)).await.expect(200);
        let foreign = ada.client.post(PATH, of(stranger.id)).await.expect(404);
        let absent = ada.client.post(PATH, of(UserId::mint())).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());

        let at = |project: ProjectId| json!({"permission": "vm.read", "project": project});
        let foreign = ada.client.post(PATH, at(theirs.project)).await.expect(404);
        let absent = ada.client.post(PATH, at(ProjectId::mint())).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        // A project of one's own tenant that one may not read is not there either.
        let nobody = test.client.caller(&mine.caller_with(Vec::new()));
        nobody.post(PATH, at(mine.project)).await.expect(404);
        // Of somebody's bindings one sees those that one may read.
        let local = mine.caller_with(vec![Binding::role(Role::Admin, Some(mine.project))]);
        let body = json!({"principal": {"kind": "user", "id": ada.id}, "permission": "vm.read", "project": "default"});
        assert_eq!(asked(&test.client.caller(&local), body).await, is(true, "granted", &[]));
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"principal": {"kind": "user", "id": "x"}, "permission": "vm.fly"});
        let refused = owner.post(PATH, body).await.expect(400).json;
        assert_eq!(refused["errors"][0]["pointer"], "/principal/id");
        assert_eq!(refused["errors"][1]["pointer"], "/permission");
        for body in [json!({}), json!({"permission": "vm.read", "tenant_id": tenant.id})] {
            owner.post(PATH, body).await.expect(400);
        }
        test.client
            .post(PATH, json!({"permission": "vm.read"}))
            .await
            .expect(401);
    }
}
