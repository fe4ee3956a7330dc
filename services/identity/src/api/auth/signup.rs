use actix_web::post;
use actix_web::web::Data;
use auth::action::tenant;
use auth::{Binding, Caller, Role};
use db::{Ask, Created, Outcome, Status, Subject};
use fault::FieldError;
use ids::{ProjectId, TenantId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Open, Refusals};

use crate::password::NewPassword;
use crate::person::{DisplayName, Email};
use crate::project::Name;
use crate::state::Identity;
use crate::store;

/// A tenant and its owner to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The tenant.
    pub tenant: SignUpTenant,
    /// Its first person.
    pub user: SignUpUser,
}

/// A tenant to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpTenant {
    /// A DNS label, unique on the platform.
    #[schema(
        example = "acme",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is called; the name, unless said otherwise.
    #[schema(example = "Acme Ltd.", min_length = 1, max_length = 200)]
    pub display_name: Option<String>,
}

/// An owner to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpUser {
    /// Their e-mail address. It may belong to people of other tenants, too.
    #[schema(example = "ada@example.com", format = "email", max_length = 254)]
    pub email: String,
    /// At least 15 characters, at most 256 bytes; any characters, no other rules, but not an easily guessed one.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", min_length = 15, max_length = 256)]
    pub password: SecretString,
    /// What they are called; what stands before the `@`, unless said otherwise.
    #[schema(example = "Ada Lovelace", min_length = 1, max_length = 200)]
    pub display_name: Option<String>,
}

/// A sign-up, checked.
struct NewTenant {
    name: Name,
    display_name: DisplayName,
    email: Email,
    password: NewPassword,
    owner_name: DisplayName,
}

impl NewTenant {
    /// The checked body, or every complaint at once.
    fn check(body: &SignUp) -> Result<Self, fault::Error> {
        let SignUp { tenant, user } = body;
        let name = Name::check(&tenant.name).map_err(|error| FieldError {
            pointer: "/tenant/name".into(),
            ..error
        });
        let email = Email::check("/user/email", &user.email);
        let about = [
            email.as_ref().map_or("", Email::as_str),
            email.as_ref().map_or("", Email::local_part),
            &tenant.name,
        ];
        let password = NewPassword::check(&user.password, &about)
            .map_err(|refused| FieldError::new("/user/password", refused.to_string()));
        let display_name = DisplayName::check("/tenant/display_name", tenant.display_name.as_deref(), &tenant.name);
        let otherwise = email.as_ref().map_or("-", Email::local_part);
        let owner_name = DisplayName::check("/user/display_name", user.display_name.as_deref(), otherwise);
        match (name, display_name, email, password, owner_name) {
            (Ok(name), Ok(display_name), Ok(email), Ok(password), Ok(owner_name)) => Ok(Self {
                name,
                display_name,
                email,
                password,
                owner_name,
            }),
            (name, display_name, email, password, owner_name) => {
                let complaints = [
                    name.err(),
                    display_name.err(),
                    email.err(),
                    password.err(),
                    owner_name.err(),
                ];
                Err(fault::Error::invalid_fields(complaints.into_iter().flatten().collect()))
            }
        }
    }
}

/// What a sign-up made.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the documented shape")]
pub struct SignedUp {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its owner.
    pub user_id: UserId,
    /// Its first project, `default`.
    pub project_id: ProjectId,
}

impl Subject for SignedUp {
    fn object(&self) -> String {
        format!("tenant:{}", self.tenant_id)
    }
}

/// Signs up: makes a tenant, its owner and its first project.
#[utoipa::path(
    operation_id = "sign_up",
    tag = "auth",
    description = "Makes a tenant with its owner and a first project, `default`. 409 when the tenant's name is taken. Sign \
                   in afterwards.",
    request_body(content = SignUp, description = "The tenant and its owner"),
    responses((status = 201, description = "Signed up", body = SignedUp), Refusals),
    security(()),
)]
#[post("/auth/signup")]
pub async fn sign_up(ask: Open<SignUp>, identity: Data<Identity>) -> Outcome<SignedUp> {
    let turn = identity.hasher.turn().map_err(fault::Error::from)?;
    let new = NewTenant::check(&ask.body)?;
    let hash = turn
        .hash(new.password)
        .await
        .map_err(|error| error.at("/user/password"))?;

    let lookup = identity.lookup.key().await?;
    let (tenant_id, user_id) = (TenantId::mint(), UserId::mint());
    let owner = vec![Binding::role(Role::Owner, None)];
    let caller = Caller::newcomer(tenant_id, user_id, owner, ask.origin.address, ask.origin.request);
    let mut tx = identity.db.change::<tenant::Create>(Ask::plain(caller)).await?;
    let tenant = tx.tenant()?;

    store::tenants::insert(&mut tx, &tenant, &new.name, &new.display_name)
        .await
        .map_err(|error| error.taken("tenant"))?;
    store::people::insert_owner(&mut tx, &tenant, (user_id, &new.email, &new.owner_name), &hash, lookup).await?;
    let project_id = store::projects::insert_first(&mut tx, &tenant).await?;

    tx.finish(
        Status::Created,
        Created(SignedUp {
            tenant_id,
            user_id,
            project_id,
        }),
    )
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{PASSWORD, start};

    const PATH: &str = "/api/v1/auth/signup";

    fn body(tenant: &str, email: &str) -> Value {
        json!({"tenant": {"name": tenant}, "user": {"email": email, "password": PASSWORD}})
    }

    #[tokio::test]
    async fn a_sign_up_makes_tenant_owner_and_project() {
        let test = start().await;
        let made = test
            .client
            .post(PATH, body("acme", "Ada@Acme.example"))
            .await
            .expect(201);
        let tokens = test.sign_in("ada@acme.example", PASSWORD).await.expect(200).json;
        let me = test
            .enter(&tokens)
            .await
            .unwrap()
            .get("/api/v1/me")
            .await
            .expect(200)
            .json;
        assert_eq!(me["tenant"], json!({"id": made.json["tenant_id"], "name": "acme"}));
        assert_eq!(me["user"]["id"], made.json["user_id"]);
        assert_eq!(me["user"]["display_name"], "ada");
        assert_eq!(me["roles"], json!(["owner"]));
        assert_eq!(
            me["projects"],
            json!([{"id": made.json["project_id"], "name": "default"}])
        );
        let log = test
            .bench
            .audit(made.json["tenant_id"].as_str().unwrap().parse().unwrap())
            .await;
        assert_eq!(log[0], ("tenant.create".to_owned(), "success".to_owned()));
    }

    #[tokio::test]
    async fn a_taken_name_is_409_and_leaves_nothing_behind() {
        let test = start().await;
        test.sign_up("acme").await;
        let refused = test
            .client
            .post(PATH, body("acme", "eve@evil.example"))
            .await
            .expect(409);
        assert_eq!(refused.code(), "already_exists");
        test.sign_in("eve@evil.example", PASSWORD).await.expect(401);
        test.client
            .post(PATH, body("platform", "eve@evil.example"))
            .await
            .expect(409);
    }

    #[tokio::test]
    async fn everything_wrong_is_named_at_once() {
        let test = start().await;
        let bad = json!({"tenant": {"name": "A", "display_name": ""},
                         "user": {"email": "no", "password": "short", "display_name": "a\u{1b}b"}});
        let refused = test.client.post(PATH, bad).await.expect(400);
        let named = refused.json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap());
        let all = [
            "/tenant/name",
            "/tenant/display_name",
            "/user/email",
            "/user/password",
            "/user/display_name",
        ];
        assert_eq!(named.collect::<Vec<_>>(), all);
        assert!(!refused.text.contains("\"short\""), "t24: {}", refused.text);
        let mut common = body("acme", "ada@acme.example");
        common["user"]["password"] = json!("passwordpassword");
        let refused = test.client.post(PATH, common).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/user/password");
    }

    #[tokio::test]
    async fn t08_nothing_else_can_be_set() {
        let test = start().await;
        for (pointer, field) in [
            ("/tenant", "tenant_id"),
            ("/user", "roles"),
            ("/user", "enabled"),
            ("", "role"),
        ] {
            let mut bad = body("acme", "ada@acme.example");
            bad.pointer_mut(pointer).unwrap()[field] = json!("x");
            test.client.post(PATH, bad).await.expect(400);
        }
    }

    #[tokio::test]
    async fn an_address_may_sign_up_for_several_tenants() {
        let test = start().await;
        test.client.post(PATH, body("one", "ada@example.com")).await.expect(201);
        test.client.post(PATH, body("two", "ada@example.com")).await.expect(201);
    }

    #[tokio::test]
    async fn one_of_many_simultaneous_sign_ups_gets_the_name() {
        let test = start().await;
        let asks = (0..8).map(|i| test.client.post(PATH, body("acme", &format!("p{i}@acme.example"))));
        let replies = futures::future::join_all(asks).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        assert_eq!(replies.iter().filter(|reply| reply.status == 409).count(), 7);
    }

    #[tokio::test]
    async fn t24_the_password_is_nowhere_in_the_database() {
        let test = start().await;
        test.sign_up("acme").await;
        test.sign_in("ada@acme.example", PASSWORD).await.expect(200);
        let tokens = test.sign_in("ada@acme.example", "another wrong password").await;
        assert_eq!(tokens.status, 401);
        for table in [
            "identity.users",
            "identity.passwords",
            "identity.sessions",
            "bus.outbox",
            "identity.replies",
        ] {
            let dump = test.dump(table).await;
            assert!(
                !dump.contains(PASSWORD) && !dump.contains("another wrong"),
                "{table}: {dump}"
            );
        }
    }
}
