use actix_web::post;
use actix_web::web::Data;
use auth::action::identity_provider;
use db::{Created, Outcome, Status};
use fault::FieldError;
use ids::IdentityProviderId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{BelievedFactor, IdentityProviderView, NewGroupRule, check_claim, rules};
use crate::project::Name;
use crate::provider::settings::ProviderSettings;
use crate::provider::{self, MOST, Provider, check_credential, check_line, check_words};
use crate::state::Identity;
use crate::store;

/// An identity provider to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIdentityProvider {
    /// A DNS label, unique in the tenant.
    #[schema(example = "corporate", min_length = 1, max_length = 63)]
    pub name: String,
    /// What people are shown; the name, unless said otherwise.
    #[schema(example = "Example Corp.", min_length = 1, max_length = 200)]
    pub display_name: Option<String>,
    /// Who it is: the URL below which its discovery document lies, to the last slash. It cannot be changed later: with the
    /// subject it is who somebody is.
    #[schema(example = "https://id.example.com/realms/corp", max_length = 500)]
    pub issuer: String,
    /// Who this tenant is there.
    #[schema(example = "yunshu", min_length = 1, max_length = 255)]
    pub client_id: String,
    /// What it proves that with. Kept encrypted and never shown; none for a public client.
    #[schema(value_type = Option<String>, format = Password, example = "s3cr3t-of-the-client", max_length = 1000)]
    pub client_secret: Option<SecretString>,
    /// What is asked of it beside `openid`.
    #[serde(default = "usual_scopes")]
    #[schema(example = json!(["email", "profile"]), max_items = 20)]
    pub scopes: Vec<String>,
    /// May people sign in by it?
    #[serde(default = "yes")]
    #[schema(example = true)]
    pub enabled: bool,
    /// Does whoever comes by it for the first time become a person of the tenant?
    #[serde(default)]
    #[schema(example = false)]
    pub create_users: bool,
    /// The claim that names groups, or a JSON pointer (RFC 6901) to one inside another.
    #[schema(example = "groups", max_length = 200)]
    pub groups_claim: Option<String>,
    /// Who is put into which group at each sign-in, and taken out again; 200 rules at most.
    #[serde(default)]
    pub groups: Vec<NewGroupRule>,
    /// What it says when a second factor was shown there, and is believed.
    #[serde(default)]
    pub second_factor: BelievedFactor,
}

fn usual_scopes() -> Vec<String> {
    vec!["email".to_owned(), "profile".to_owned()]
}

const fn yes() -> bool {
    true
}

/// The parts that may be wrong, all looked at.
fn check(body: &CreateIdentityProvider, settings: &ProviderSettings) -> Result<Checked, fault::Error> {
    let mut wrong = Vec::new();
    let display_name = body.display_name.as_deref().unwrap_or(&body.name);
    let checked = Checked {
        name: keep(&mut wrong, Name::check(&body.name).map(|name| name.as_str().to_owned())),
        display_name: keep(&mut wrong, check_line("/display_name", display_name, 200)),
        issuer: keep(&mut wrong, settings.check_issuer("/issuer", &body.issuer)),
        scopes: keep(&mut wrong, check_words("/scopes", &body.scopes)),
        groups_claim: keep(
            &mut wrong,
            check_claim(body.groups_claim.as_deref().unwrap_or_default()),
        ),
        trust: keep(&mut wrong, body.second_factor.check()),
    };
    keep(&mut wrong, check_credential("/client_id", &body.client_id, 255));
    if let Some(secret) = &body.client_secret {
        keep(
            &mut wrong,
            check_credential("/client_secret", secret.expose_secret(), 1000),
        );
    }
    if wrong.is_empty() {
        Ok(checked)
    } else {
        Err(fault::Error::invalid_fields(wrong))
    }
}

struct Checked {
    name: String,
    display_name: String,
    issuer: String,
    scopes: Vec<String>,
    groups_claim: Option<String>,
    trust: provider::Trust,
}

fn keep<T: Default>(wrong: &mut Vec<FieldError>, part: Result<T, FieldError>) -> T {
    part.unwrap_or_else(|error| {
        wrong.push(error);
        T::default()
    })
}

/// Creates an identity provider.
#[utoipa::path(
    operation_id = "create_identity_provider",
    tag = "identity-providers",
    description = "An OpenID provider by which people of the tenant sign in. It is not asked yet: try it with `:test`. Register \
                   `redirect_uri` there. Who somebody is there is issuer and subject, never the address: who has an account \
                   here links it while signed in. A rule on groups gives all that is bound to the group, so who makes it must \
                   carry all of that. Needs `identity_provider.create` and a factor shown of late.",
    params(DryRun, Once),
    request_body(content = CreateIdentityProvider, description = "The provider to be"),
    responses((status = 201, description = "Created", body = IdentityProviderView), Refusals),
    security(("bearer" = [])),
)]
#[post("/identity-providers")]
pub async fn create_identity_provider(
    ask: Change<identity_provider::Create, CreateIdentityProvider>,
    identity: Data<Identity>,
) -> Outcome<IdentityProviderView> {
    let checked = check(&ask.body, identity.providers.settings())?;
    let id = IdentityProviderId::mint();

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    if store::identity_providers::count(&mut tx, &tenant).await? >= MOST {
        let detail = format!("A tenant has {MOST} identity providers at most; remove one first.");
        return Err(fault::Error::conflict(detail).into());
    }
    let rules = rules::resolve(&mut tx, ask.caller(), &ask.body.groups).await?;

    let now = tx.now();
    let sealed = provider::seal(tx.keys()?, tenant.id, id, ask.body.client_secret.as_ref())?;
    let made = Provider {
        tenant: tenant.id,
        id,
        name: checked.name,
        display_name: checked.display_name,
        issuer: checked.issuer,
        client_id: ask.body.client_id.clone(),
        sealed,
        scopes: checked.scopes,
        enabled: ask.body.enabled,
        create_users: ask.body.create_users,
        groups_claim: checked.groups_claim,
        trust: checked.trust,
        generation: 1,
        created_at: now,
        updated_at: now,
    };
    store::identity_providers::insert(&mut tx, &tenant, &made)
        .await
        .map_err(|error| error.taken("identity provider"))?;
    store::identity_providers::set_rules(&mut tx, id, &rules).await?;

    let view = IdentityProviderView::of(&made, &rules, identity.providers.redirect());
    tx.finish(Status::Created, Created(view)).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::{Value, json};

    use crate::testing::start;

    const PATH: &str = "/api/v1/identity-providers";

    fn provider(name: &str) -> Value {
        json!({"name": name, "issuer": "https://id.example/realms/corp", "client_id": "yunshu", "client_secret": "hush-hush-hush"})
    }

    #[tokio::test]
    async fn t24_the_secret_goes_in_and_never_comes_out() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner.post_once(PATH, "one", provider("corporate")).await.expect(201);
        assert_eq!(
            (&made.json["has_secret"], &made.json["enabled"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(made.json["scopes"], json!(["email", "profile"]));
        assert_eq!(made.json["redirect_uri"], "https://cloud.example/sign-in/callback");
        let read = owner.get(&format!("{PATH}/corporate")).await.expect(200);
        assert_eq!(read.json, made.json);
        for table in ["identity.identity_providers", "identity.replies", "bus.outbox"] {
            let rows = test.dump(table).await;
            assert!(
                !rows.contains("hush") && !rows.contains("687573682d"),
                "{table}: {rows}"
            );
        }
        assert!(!made.text.contains("hush"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_a_name_is_given_once() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        owner
            .post(&format!("{PATH}?dry_run=true"), provider("corporate"))
            .await
            .expect(200);
        owner.post(PATH, provider("corporate")).await.expect(201);
        owner.post(PATH, provider("corporate")).await.expect(409);
        for (field, value, pointer) in [
            ("name", json!("Not"), "/name"),
            ("issuer", json!("http://id.example"), "/issuer"),
            ("issuer", json!("https://id.example/?a=b"), "/issuer"),
            ("client_id", json!(""), "/client_id"),
            ("client_secret", json!("a\nb"), "/client_secret"),
            ("scopes", json!(["a b"]), "/scopes"),
            ("groups_claim", json!("x".repeat(201)), "/groups_claim"),
            ("groups", json!([{"group": "nobodys"}]), "/groups/0/group"),
            ("second_factor", json!({"acr": [""]}), "/second_factor/acr"),
        ] {
            let mut body = provider("other");
            body[field] = value;
            let refused = owner.post(PATH, body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        for number in 1..20 {
            owner.post(PATH, provider(&format!("p{number}"))).await.expect(201);
        }
        owner.post(PATH, provider("one-more")).await.expect(409);
    }

    #[tokio::test]
    async fn t18_a_rule_gives_nothing_that_whoever_makes_it_lacks() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        test.join(&tenant, owner.id, "chiefs", &Binding::role(Role::Owner, None))
            .await;
        test.join(&tenant, owner.id, "readers", &Binding::role(Role::Viewer, None))
            .await;
        let with = |name: &str, group: &str| {
            let mut body = provider(name);
            body["groups"] = json!([{"value": "x", "group": group}, {"group": group}]);
            body
        };
        for body in [with("a", "chiefs")] {
            let refused = admin.client.post(PATH, body).await.expect(403);
            assert!(refused.text.contains("owner"), "{}", refused.text);
        }
        let made = admin.client.post(PATH, with("b", "readers")).await.expect(201);
        assert_eq!(made.json["groups"][0]["value"], Value::Null);
        owner.client.post(PATH, with("c", "chiefs")).await.expect(201);
        // Whoever decides who comes by it gives what it gives.
        let path = format!("{PATH}/c");
        admin
            .client
            .patch(&path, "*", json!({"create_users": true}))
            .await
            .expect(403);
        admin.client.patch(&path, "*", json!({"groups": []})).await.expect(403);
        admin.client.delete_if(&path, "*").await.expect(403);
        let stale = test.stale(&tenant, &owner).post(PATH, provider("d")).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
    }

    #[tokio::test]
    async fn t01_another_tenants_provider_is_as_none() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let owner = test.client.caller(&mine.caller(Role::Owner));
        let eve = test.client.caller(&theirs.caller(Role::Owner));
        let made = owner.post(PATH, provider("corporate")).await.expect(201);
        let path = format!("{PATH}/{}", made.json["id"].as_str().unwrap());
        let none = format!("{PATH}/{}", ids::IdentityProviderId::mint());
        for (at, other) in [(&path, &none)] {
            let (one, two) = (eve.get(at).await.expect(404), eve.get(other).await.expect(404));
            assert_eq!(one.json["detail"], two.json["detail"]);
            eve.patch(at, "*", json!({"enabled": false})).await.expect(404);
            eve.delete_if(at, "*").await.expect(404);
            eve.post(&format!("{at}:test"), json!({})).await.expect(404);
        }
        assert_eq!(eve.get(PATH).await.expect(200).json["items"], json!([]));
        // Their group is none of mine.
        test.group(&theirs, "theirs").await;
        let mut body = provider("other");
        body["groups"] = json!([{"group": "theirs"}]);
        owner.post(PATH, body).await.expect(400);
        let viewer = test.client.caller(&mine.caller(Role::Viewer));
        viewer.get(PATH).await.expect(403);
    }
}
