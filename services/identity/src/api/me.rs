//! The caller's own person.

pub mod email;
pub mod export;
pub mod modify;

use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::{me, project};
use auth::{Action, Caller, Owed, Principal};
use ids::{ProjectId, ServiceAccountId, TenantId, UserId};
use scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Read, Refusals};

use crate::password::Profile;
use crate::policy::Policy;
use crate::state::Identity;
use crate::store;

/// The caller: who, where, and what they may.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// The person; null if it is a machine.
    pub user: Option<MyPerson>,
    /// The machine's account; null if it is a person.
    pub service_account: Option<MyAccount>,
    /// Their tenant.
    pub tenant: MyTenant,
    /// The roles they carry on the whole tenant now, built in or custom.
    #[schema(example = json!(["owner"]))]
    pub roles: Vec<String>,
    /// The projects they may read, by name; the first 1,000.
    pub projects: Vec<MyProject>,
    /// What the tenant asks of them before anything else, and of their passwords.
    pub sign_in: MySignIn,
}

/// What the caller's tenant asks of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct MySignIn {
    /// A second factor must be added, or shown, before anything else.
    #[schema(example = false)]
    pub must_enrol: bool,
    /// The password must be changed before anything else.
    #[schema(example = false)]
    pub password_expired: bool,
    /// The kinds of second factor that count.
    #[schema(example = json!(["totp"]))]
    pub factor_kinds: Vec<&'static str>,
    /// By which standard passwords are judged.
    pub password_profile: Profile,
    /// Characters that a password has at least.
    #[schema(example = 15)]
    pub password_min_length: usize,
    /// Kinds of characters (small and capital letters, digits, others) that it has at least.
    #[schema(example = 1)]
    pub password_min_kinds: u8,
}

impl MySignIn {
    fn of(caller: &Caller, policy: &Policy) -> Self {
        let (password_min_length, password_min_kinds) = policy.password.profile.form();
        Self {
            must_enrol: caller.owes().contains(&Owed::Factor),
            password_expired: caller.owes().contains(&Owed::Password),
            factor_kinds: policy.kinds().iter().map(|kind| kind.name()).collect(),
            password_profile: policy.password.profile,
            password_min_length,
            password_min_kinds,
        }
    }
}

/// The caller's person.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyPerson {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, in lower case.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    pub display_name: String,
}

/// The caller's service account.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// Its name.
    #[schema(example = "backup")]
    pub name: String,
}

/// The caller's tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    #[schema(example = "acme")]
    pub name: String,
}

/// One of the caller's projects.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyProject {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    #[schema(example = "default")]
    pub name: String,
}

/// Reads who the caller is.
#[utoipa::path(
    operation_id = "read_me",
    tag = "auth",
    description = "The person or service account whose credential this is, their tenant, the roles they carry on all of it, \
                   and the projects they may read.",
    responses((status = 200, description = "The caller", body = MeView), Refusals),
    security(("bearer" = [])),
)]
#[get("/me")]
pub async fn read_me(ask: Read<me::Read>, identity: Data<Identity>) -> Result<Json<MeView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let visible = tx.projects_for(project::Read::INFO);

    let (user, service_account) = oneself(&mut tx, ask.caller().principal()).await?;
    let name = store::tenants::name(&mut tx, &tenant).await?;
    let policy = store::policies::lookup(&mut tx).await?;
    let projects = store::projects::names(&mut tx, &tenant, visible.as_deref()).await?;

    let mut roles: Vec<String> = ask
        .caller()
        .bindings()
        .iter()
        .filter(|binding| binding.project.is_none())
        .map(|binding| binding.rights.name().to_owned())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    Ok(Json(MeView {
        user,
        service_account,
        tenant: MyTenant { id: tenant.id, name },
        roles,
        sign_in: MySignIn::of(ask.caller(), &policy),
        projects: projects.into_iter().map(|(id, name)| MyProject { id, name }).collect(),
    }))
}

async fn oneself(
    tx: &mut db::Read<me::Read>,
    principal: &Principal,
) -> Result<(Option<MyPerson>, Option<MyAccount>), fault::Error> {
    let tenant = tx.tenant()?;
    let nobody = || fault::Error::not_found("person");
    match principal {
        Principal::User(id) => {
            let person = store::people::lookup(tx, &tenant, *id).await?.ok_or_else(nobody)?;
            let person = MyPerson {
                id: person.id,
                email: person.email.as_str().to_owned(),
                display_name: person.display_name,
            };
            Ok((Some(person), None))
        }
        Principal::ServiceAccount(id) => {
            let name = store::service_accounts::name(tx, &tenant, *id)
                .await?
                .ok_or_else(nobody)?;
            Ok((None, Some(MyAccount { id: *id, name })))
        }
        Principal::System(_) | Principal::Operator(_) => Err(nobody()),
    }
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Caller, Role};
    use ids::{ProjectId, RequestId};
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn it_is_the_caller_and_nobody_else() {
        let test = start().await;
        let (mine, theirs) = (test.sign_up("mine").await, test.sign_up("theirs").await);
        for (owner, other) in [(&mine, &theirs), (&theirs, &mine)] {
            let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
            let me = test.enter(&tokens).await.unwrap().get("/api/v1/me").await.expect(200);
            assert_eq!(me.json["user"]["email"], owner.email.as_str());
            assert!(!me.text.contains(&other.tenant.to_string()), "t01: {}", me.text);
        }
    }

    #[tokio::test]
    async fn a_role_on_a_project_shows_that_project_and_no_role_on_the_tenant() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let made = test
            .enter(&tokens)
            .await
            .unwrap()
            .post("/api/v1/projects", json!({"name": "shop"}))
            .await
            .expect(201);
        let shop: ProjectId = made.json["id"].as_str().unwrap().parse().unwrap();
        let viewer = vec![Binding::role(Role::Viewer, Some(shop))];
        let user = ids::UserId::from_uuid(test.check(&tokens).await.sub);
        let caller = Caller::newcomer(owner.tenant, user, viewer, None, RequestId::mint());
        let me = test.client.caller(&caller).get("/api/v1/me").await.expect(200).json;
        assert_eq!(
            (&me["roles"], &me["projects"]),
            (&json!([]), &json!([{"id": shop, "name": "shop"}]))
        );
    }

    #[tokio::test]
    async fn a_machine_learns_which_it_is() {
        let test = start().await;
        let owner = test.enter_new("acme").await;
        let body = json!({"name": "backup"});
        let account = owner.post("/api/v1/service-accounts", body).await.expect(201).json;
        let keys = format!("/api/v1/service-accounts/{}/api-keys", account["id"].as_str().unwrap());
        let key = owner.post(&keys, json!({"name": "nightly"})).await.expect(201).json["key"].clone();
        let machine = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        let me = machine.get("/api/v1/me").await.expect(200).json;
        assert_eq!(me["service_account"], json!({"id": account["id"], "name": "backup"}));
        assert_eq!(me["user"], json!(null));
        assert_eq!(me["tenant"]["name"], "acme");
    }

    #[tokio::test]
    async fn nobody_is_nobody() {
        let test = start().await;
        test.client.get("/api/v1/me").await.expect(401);
        let tenant = test.bench.tenant("acme").await;
        let ghost = tenant.caller(Role::Owner);
        test.client.caller(&ghost).get("/api/v1/me").await.expect(404);
        test.client.caller(&ghost).get("/api/v1/me?x=1").await.expect(400);
    }
}
