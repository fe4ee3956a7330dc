use actix_web::post;
use actix_web::web::Data;
use auth::action::invitation;
use auth::{Action, Caller, Duties, PLATFORM};
use db::{Ask, Change, Created, Granted, Outcome, Status, Subject};
use ids::{InvitationId, TenantId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Open, Origin, Refusals};

use super::record_refusal;
use crate::duty;
use crate::invitation::{self as invited, Invitation};
use crate::once;
use crate::password::{NewPassword, Profile};
use crate::person::{DisplayName, Email};
use crate::state::Identity;
use crate::store;

/// Somebody who was invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The token of the invitation.
    #[schema(value_type = String, example = "yiv_Vt2m0hY1vJ3mT1d0b7m6cJXc2nYbq0Zr8m1yQ0sJxkA", max_length = 100)]
    pub token: SecretString,
    /// At least 15 characters, or what the tenant's `mlps3` asks; at most 256 bytes, and not an easily guessed one.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", min_length = 10, max_length = 256)]
    pub password: SecretString,
    /// What they are called; what stands before the `@`, unless said otherwise.
    #[schema(example = "Grace Hopper", min_length = 1, max_length = 200)]
    pub display_name: Option<String>,
}

/// What became of an invitation.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedInvitation {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its name, to sign in with.
    #[schema(example = "acme")]
    pub tenant: String,
    /// The new person.
    pub user_id: UserId,
    /// Their address, to sign in with.
    #[schema(example = "grace@example.com")]
    pub email: String,
    #[serde(skip)]
    invitation: InvitationId,
}

impl Subject for AcceptedInvitation {
    fn object(&self) -> String {
        format!("user:{}", self.user_id)
    }

    fn record(&self) -> Value {
        json!({"id": self.user_id, "invitation": self.invitation})
    }
}

/// An invitation that a token names.
struct Named {
    tenant: TenantId,
    tenant_name: String,
    id: InvitationId,
    email: Email,
    profile: Profile,
}

/// Accepts an invitation.
#[utoipa::path(
    operation_id = "accept_invitation",
    tag = "auth",
    description = "Makes the person who was invited, with the password they choose and the role they were offered. Sign in \
                   afterwards. Whatever is wrong with the token (unknown, used, too old, taken back, its inviter could not \
                   invite any more, or its role combines duties that are apart by now), the answer is the same 401.",
    request_body(content = AcceptInvitation, description = "Token and password"),
    responses((status = 201, description = "Accepted", body = AcceptedInvitation), Refusals),
    security(()),
)]
#[post("/auth/accept-invitation")]
pub async fn accept_invitation(ask: Open<AcceptInvitation>, identity: Data<Identity>) -> Outcome<AcceptedInvitation> {
    let turn = identity.hasher.turn().map_err(fault::Error::from)?;
    let named = find(&identity, &ask).await?;
    let (new, name) = check(&ask.body, &named)?;
    let hash = turn.hash(new).await.map_err(|error| error.at("/password"))?;

    let user = UserId::mint();
    let lookup = identity.lookup.key().await?;
    let caller = Caller::newcomer(named.tenant, user, Vec::new(), ask.origin.address, ask.origin.request);
    let mut tx = identity.db.change::<invitation::Accept>(Ask::plain(caller)).await?;
    let Some(held) = open(&mut tx, named.id).await? else {
        drop(tx);
        let object = format!("invitation:{}", named.id);
        return Err(refuse(&identity, &ask.origin, named.tenant, object).await.into());
    };

    store::invitations::accept(&mut tx, &held, (user, &name), &hash, lookup)
        .await
        .map_err(|error| duty::told(&error).unwrap_or_else(|| error.taken("user")))?;

    let accepted = AcceptedInvitation {
        tenant_id: named.tenant,
        tenant: named.tenant_name,
        user_id: user,
        email: named.email.as_str().to_owned(),
        invitation: held.id,
    };
    tx.finish(Status::Created, Created(accepted)).await
}

/// The invitation that was meant, whether or not it is open. A token is 256 random bits: who has to be told apart from
/// whoever guesses is told by it, so a stranger's guess costs no hash.
async fn find(identity: &Identity, ask: &Open<AcceptInvitation>) -> Result<Named, fault::Error> {
    use secrecy::ExposeSecret;
    let digest = once::digest(ask.body.token.expose_secret());
    let mut tx = identity.begin_sign_in().await?;
    let found = store::invitations::find(&mut tx, &digest).await?;
    let profile = match &found {
        Some(named) => {
            store::policies::at_sign_in(&mut tx, named.tenant)
                .await?
                .password
                .profile
        }
        None => Profile::Nist,
    };
    drop(tx);
    match found {
        Some(named) => Ok(Named {
            tenant: named.tenant,
            id: named.id,
            email: named.email(&identity.db.keys(named.tenant).await?)?,
            tenant_name: named.tenant_name,
            profile,
        }),
        None => Err(refuse(identity, &ask.origin, PLATFORM, "invitation:unknown".to_owned()).await),
    }
}

fn check(body: &AcceptInvitation, named: &Named) -> Result<(NewPassword, DisplayName), fault::Error> {
    let about = [named.email.as_str(), named.email.local_part(), &named.tenant_name];
    let password = NewPassword::check_by(named.profile, &body.password, &about)
        .map_err(|refused| fault::Error::invalid("/password", refused.to_string()))?;
    let name = DisplayName::check("/display_name", body.display_name.as_deref(), named.email.local_part())
        .map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    Ok((password, name))
}

/// The invitation, held and still good: open, and its inviter might still give it.
async fn open(
    tx: &mut Change<invitation::Accept>,
    id: InvitationId,
) -> Result<Option<Granted<Invitation, invitation::Accept>>, fault::Error> {
    let now = tx.now();
    let Some(held) = store::invitations::hold(tx, id).await? else {
        return Ok(None);
    };
    if held.status(now) != invited::Status::Open {
        return Ok(None);
    }
    let enabled = store::invitations::inviter_is_enabled(tx, &held).await?;
    let carried = store::rights::bindings_of(tx, &held.inviter).await?;
    let mixed = held.offer.rights.duties() == Duties::Several && store::duties::are_apart(tx).await?;
    if !enabled || mixed || !held.stands(carried, now) {
        return Ok(None);
    }
    tx.grant(held).map(Some)
}

/// Writes that somebody who is nobody yet was refused, and says no more than that.
async fn refuse(identity: &Identity, origin: &Origin, tenant: TenantId, object: String) -> fault::Error {
    let told = async {
        let mut tx = identity.begin_sign_in().await?;
        let what = (object, "unauthenticated");
        record_refusal(&mut tx, tenant, origin, invitation::Accept::INFO, what)?;
        tx.commit().await?;
        Ok::<_, fault::Error>(())
    };
    match told.await {
        Ok(()) => fault::Error::unauthenticated(
            "The invitation is unknown, used up, too old or taken back; ask whoever invited you for a new one.",
        ),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use ids::RequestId;
    use serde_json::json;
    use testkit::{Bench, ROUNDS, race};

    use super::*;
    use crate::testing::{PASSWORD, settings, start, start_on};

    const PATH: &str = "/api/v1/auth/accept-invitation";
    /// Of no password.
    const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";

    #[tokio::test]
    async fn whoever_accepts_signs_in_with_the_role_they_were_offered() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let (token, _) = test.invite(&admin, "Grace@example.com", "operator").await;
        let body = json!({"token": token, "password": PASSWORD, "display_name": "Grace Hopper"});
        let joined = test.client.post(PATH, body).await.expect(201);
        assert_eq!(
            (&joined.json["tenant"], &joined.json["email"]),
            (&json!("acme"), &json!("grace@example.com"))
        );
        let tokens = test.sign_in("grace@example.com", PASSWORD).await.expect(200).json;
        let grace = test.enter(&tokens).await.unwrap();
        let me = grace.get("/api/v1/me").await.expect(200).json;
        assert_eq!(me["user"]["id"], joined.json["user_id"]);
        assert_eq!(
            (&me["user"]["display_name"], &me["roles"]),
            (&json!("Grace Hopper"), &json!(["operator"]))
        );
        let done = ("invitation.accept".to_owned(), "success".to_owned());
        assert!(test.audit(&tenant).await.contains(&done));
        let log = test.dump("bus.outbox").await;
        assert!(!log.contains("grace") && !log.contains("Hopper"), "{log}");
        assert!(log.contains(&format!("user:{}", joined.json["user_id"].as_str().unwrap())));
    }

    #[tokio::test]
    async fn a_role_in_one_project_and_a_role_of_the_tenants_own() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        test.role(&tenant, "watcher", &["vm.read"]).await;
        let body = json!({"email": "grace@example.com", "role": "watcher", "project": "default"});
        let made = owner.client.post("/api/v1/invitations", body).await.expect(201);
        test.accept(made.json["token"].as_str().unwrap()).await.expect(201);
        let tokens = test.sign_in("grace@example.com", PASSWORD).await.expect(200).json;
        let standing = test.standing(&test.check(&tokens).await).await.unwrap();
        let [binding] = standing.bindings.as_slice() else {
            panic!("{:?}", standing.bindings)
        };
        assert_eq!(
            (binding.rights.name(), binding.project),
            ("watcher", Some(tenant.project))
        );
    }

    #[tokio::test]
    async fn t11_whatever_is_wrong_with_the_token_reads_the_same() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let (used, _) = test.invite(&admin, "a@example.com", "viewer").await;
        test.accept(&used).await.expect(201);
        let (revoked, path) = test.invite(&admin, "b@example.com", "viewer").await;
        admin.client.delete(&path).await.expect(204);
        let (expired, _) = test.invite(&admin, "c@example.com", "viewer").await;
        clock.advance(Duration::from_hours(7 * 24));
        let unknown = test.accept("yiv_nobody").await.expect(401).without_request();
        for token in [used.as_str(), &revoked, &expired, "", "' or true --"] {
            assert_eq!(test.accept(token).await.without_request(), unknown, "{token}");
        }
        let denied = ("invitation.accept".to_owned(), "denied".to_owned());
        let told = test.audit(&tenant).await.into_iter().filter(|entry| *entry == denied);
        assert_eq!(told.count(), 3, "the tenant hears of its own three");
        assert!(!test.dump("bus.outbox").await.contains("yiv_"), "t24");
    }

    #[tokio::test]
    async fn t18_an_inviter_who_lost_the_rights_invites_nobody() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let mut tokens = Vec::new();
        for name in ["disabled", "deleted", "demoted", "kept"] {
            let inviter = test.person(&tenant, name, Role::Admin).await;
            let (token, _) = test
                .invite(&inviter, &format!("{name}-guest@example.com"), "operator")
                .await;
            tokens.push((inviter, token));
        }
        let [disabled, deleted, demoted, kept] = tokens.try_into().ok().unwrap();
        owner
            .client
            .patch(&disabled.0.path, "*", json!({"enabled": false}))
            .await
            .expect(200);
        owner.client.delete_if(&deleted.0.path, "*").await.expect(204);
        test.rebind(&tenant, demoted.0.id, Role::Operator).await;
        let unknown = test.accept("yiv_nobody").await.expect(401).without_request();
        for (_, token) in [&disabled, &deleted, &demoted] {
            assert_eq!(test.accept(token).await.without_request(), unknown);
        }
        test.accept(&kept.1).await.expect(201);
    }

    /// Behind the hash, where it is decided. Without `for update` in `store::invitations::hold` several hold it at once, and
    /// all but one end in an error.
    #[tokio::test]
    async fn of_fifty_transactions_that_hold_an_invitation_one_accepts_it_a_thousand_times() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let db = test.bench.crowd("identity");
        let lookup = crate::lookup::read(&db).await.unwrap();
        for round in 0..ROUNDS {
            let email = format!("guest{round}@example.com");
            let (_, path) = test.invite(&admin, &email, "viewer").await;
            let invitation: InvitationId = path.rsplit('/').next().unwrap().parse().unwrap();
            let begin = async || {
                let caller = Caller::newcomer(tenant.id, UserId::mint(), Vec::new(), None, RequestId::mint());
                db.change::<invitation::Accept>(Ask::plain(caller)).await.ok().unwrap()
            };
            let accepted = race(begin, async |mut tx| {
                let Some(held) = open(&mut tx, invitation).await.unwrap() else {
                    return false;
                };
                let (user, name) = (UserId::mint(), DisplayName::check("", None, "guest").unwrap());
                store::invitations::accept(&mut tx, &held, (user, &name), HASH, &lookup)
                    .await
                    .unwrap();
                let accepted = AcceptedInvitation {
                    tenant_id: tenant.id,
                    tenant: tenant.name.clone(),
                    user_id: user,
                    email: email.clone(),
                    invitation,
                };
                tx.finish(Status::Created, Created(accepted)).await.is_ok()
            });
            let winners = accepted.await.into_iter().filter(|accepted| *accepted).count();
            assert_eq!(winners, 1, "round {round}");
        }
    }

    #[tokio::test]
    async fn of_fifty_who_accept_at_once_one_does() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        for round in 0..20 {
            let email = format!("guest{round}@example.com");
            let (token, _) = test.invite(&admin, &email, "viewer").await;
            let replies = futures::future::join_all((0..50).map(|_| test.accept(&token))).await;
            let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
            assert_eq!(count(201), 1, "round {round}: {replies:?}");
            // The queue before the hasher may be full for some.
            assert_eq!(count(201) + count(401) + count(429), 50, "round {round}: {replies:?}");
            assert!(count(401) > 0, "round {round}: nobody came second: {replies:?}");
            let people = admin
                .client
                .get(&format!("/api/v1/users?q={email}"))
                .await
                .expect(200)
                .json;
            assert_eq!(people["items"].as_array().unwrap().len(), 1, "round {round}");
        }
    }

    #[tokio::test]
    async fn a_weak_password_or_a_taken_address_leaves_the_invitation_open() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let (token, _) = test.invite(&admin, "grace@example.com", "viewer").await;
        let (second, _) = test.invite(&admin, "grace@example.com", "viewer").await;
        for (password, pointer) in [
            ("short", "/password"),
            ("passwordpassword", "/password"),
            ("grace@example.com", "/password"),
        ] {
            let refused = test
                .client
                .post(PATH, json!({"token": token, "password": password}))
                .await;
            assert_eq!(refused.expect(400).json["errors"][0]["pointer"], pointer);
        }
        let named = json!({"token": token, "password": PASSWORD, "display_name": "a\u{202e}b"});
        let refused = test.client.post(PATH, named).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/display_name");
        let more = json!({"token": token, "password": PASSWORD, "role": "owner"});
        test.client.post(PATH, more).await.expect(400);
        test.accept(&token).await.expect(201);
        test.accept(&second).await.expect(409);
    }
}
