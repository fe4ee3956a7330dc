use actix_web::post;
use actix_web::web::Data;
use auth::action::invitation;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Created, Outcome, Status, Subject};
use fault::FieldError;
use ids::{IdOrName, ProjectId};
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use super::InvitationView;
use crate::api::projects::create::both;
use crate::duty;
use crate::errand::{Errand, invitation_letter, link};
use crate::invitation::{LONGEST_S, PREFIX, SHORTEST_S};
use crate::once::Token;
use crate::person::Email;
use crate::state::Identity;
use crate::store;
use crate::user::must_give;

/// An invitation to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// Who is invited. Whoever accepts signs in with this address.
    #[schema(example = "grace@example.com", format = "email", max_length = 254)]
    pub email: String,
    /// The role they will have: a built-in one, or one of the tenant's own.
    #[schema(example = "operator", max_length = 63)]
    pub role: String,
    /// The project they will have it in, by id or name; the whole tenant, unless said otherwise.
    #[schema(value_type = Option<String>, example = "default")]
    pub project: Option<IdOrName<ProjectId>>,
    /// For how many seconds it may be accepted, at most and unless said otherwise seven days.
    #[serde(default = "longest")]
    #[schema(example = 86_400, minimum = 60, maximum = 604_800)]
    pub expires_in: u32,
}

const fn longest() -> u32 {
    LONGEST_S
}

impl CreateInvitation {
    fn check(&self) -> Result<(Email, TimeDelta), fault::Error> {
        let lives = if (SHORTEST_S..=LONGEST_S).contains(&self.expires_in) {
            Ok(TimeDelta::seconds(i64::from(self.expires_in)))
        } else {
            let rule = format!("must be from {SHORTEST_S} to {LONGEST_S}");
            Err(FieldError::new("/expires_in", rule))
        };
        both(Email::check("/email", &self.email), lives)
    }
}

/// A one-use invitation, with its token. The token is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationToken {
    /// Whoever has it can accept. A secret.
    #[schema(example = "yiv_Vt2m0hY1vJ3mT1d0b7m6cJXc2nYbq0Zr8m1yQ0sJxkA")]
    pub token: String,
    /// The portal's page for whoever is invited, below the platform's address. The token stands behind the `#`, which no
    /// browser sends anywhere.
    #[schema(example = "/accept#token=yiv_Vt2m0hY1vJ3mT1d0b7m6cJXc2nYbq0Zr8m1yQ0sJxkA")]
    pub link: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// What there is to know of it later.
    pub invitation: InvitationView,
}

impl Subject for InvitationToken {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.invitation.object()
    }

    fn record(&self) -> serde_json::Value {
        self.invitation.record()
    }
}

/// Invites somebody.
#[utoipa::path(
    operation_id = "create_invitation",
    tag = "invitations",
    description = "Invites an address to become a person of the tenant with a role. The token is shown once, works once, and \
                   ends after seven days at most; it is also void once its inviter could not invite any more. Nobody invites \
                   to rights that they lack. Where the platform can send mail, the link goes to the address too. 409 when somebody of the tenant has the address. Needs `invitation.create` and a \
                   factor shown of late.",
    params(
        DryRun,
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    request_body(content = CreateInvitation, description = "The invitation to be"),
    responses((status = 201, description = "Created", body = InvitationToken), Refusals),
    security(("bearer" = [])),
)]
#[post("/invitations")]
pub async fn create_invitation(
    ask: Change<invitation::Create, CreateInvitation>,
    identity: Data<Identity>,
) -> Outcome<InvitationToken> {
    let (email, lives) = ask.body.check()?;
    let token = Token::make(PREFIX);

    let lookup = identity.lookup.key().await?;
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let project = match &ask.body.project {
        Some(project) => Some(tx.project(project).await?.id),
        None => None,
    };

    let offer = store::invitations::offer(&mut tx, &ask.body.role, project).await?;
    let offer = offer.ok_or_else(|| fault::Error::invalid("/role", "is no role that can be given"))?;
    must_give(ask.caller(), &[offer.binding()])?;
    if store::duties::are_apart(&mut tx).await? {
        duty::must_be_one(offer.rights.duties(), None)?;
    }
    if store::invitations::is_here(&mut tx, &email, lookup).await? {
        return Err(fault::Error::already_exists("user").into());
    }
    let made = store::invitations::insert(&mut tx, &tenant, (&email, &offer), &token.digest(), lives).await?;

    let invitation = InvitationView::at(&made, tx.now());
    let token = token.reveal();
    let profile = store::policies::lookup(&mut tx).await?.password.profile;
    let link = link("/accept", profile, &token);
    if identity.mailer.is_set_up() {
        let name = store::tenants::name(&mut tx, &tenant).await?;
        let whole = format!("{}{link}", identity.mailer.portal());
        let letter = invitation_letter(email.as_str(), &name, &whole);
        store::errands::insert_with(&mut tx, &identity.kek, &Errand::Letter(letter), lives).await?;
    }
    let shown = InvitationToken {
        link,
        token,
        expires_at: invitation.expires_at,
        invitation,
    };
    tx.finish(Status::Created, Created(shown)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/invitations";

    #[tokio::test]
    async fn t24_the_token_is_shown_once_and_only_its_digest_kept() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let body = json!({"email": "Grace@example.com", "role": "viewer", "project": "default"});
        let made = admin.client.post_once(PATH, "key", body.clone()).await.expect(201);
        let token = made.json["token"].as_str().unwrap();
        assert_eq!(made.json["link"], format!("/accept#token={token}"));
        let shown = &made.json["invitation"];
        assert_eq!(
            (&shown["email"], &shown["status"], &shown["project_id"]),
            (&json!("grace@example.com"), &json!("open"), &json!(tenant.project))
        );
        admin.client.post_once(PATH, "key", body).await.expect(409);
        for table in ["identity.invitations", "identity.replies", "bus.outbox"] {
            let rows = test.dump(table).await;
            assert!(!rows.is_empty() && !rows.contains(token), "{table}: {rows}");
        }
        assert!(
            !test.dump("bus.outbox").await.contains("grace"),
            "the log knows nobody by address"
        );
        assert!(!admin.client.get(PATH).await.expect(200).text.contains(token));
    }

    #[tokio::test]
    async fn t18_nobody_invites_to_more_than_they_have() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        let to = |role: &str| json!({"email": "grace@example.com", "role": role});
        for (inviter, role, status) in [
            (&admin, "admin", 201),
            (&admin, "owner", 403),
            (&admin, "auditor", 403),
            (&owner, "owner", 201),
            (&owner, "platform_operator", 400),
            (&owner, "system", 400),
            (&owner, "nobody", 400),
            (&viewer, "viewer", 403),
        ] {
            let reply = inviter.client.post(PATH, to(role)).await;
            assert_eq!(reply.status, status, "{role}: {}", reply.text);
        }
        let stale = test.stale(&tenant, &owner).post(PATH, to("viewer")).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
        test.role(&tenant, "all-seeing", &["audit.*"]).await;
        let refused = admin.client.post(PATH, to("all-seeing")).await.expect(403);
        assert!(refused.text.contains("all-seeing"), "{}", refused.text);
        owner.client.post(PATH, to("all-seeing")).await.expect(201);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_who_is_here_is_not_invited() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        for (body, pointer) in [
            (json!({"email": "no", "role": "viewer"}), "/email"),
            (
                json!({"email": "a@b.cd", "role": "viewer", "expires_in": 604_801}),
                "/expires_in",
            ),
            (
                json!({"email": "a@b.cd", "role": "viewer", "expires_in": 59}),
                "/expires_in",
            ),
            (json!({"email": "a@b.cd", "role": ""}), "/role"),
            (
                json!({"email": "a@b.cd", "role": "viewer", "tenant_id": tenant.id}),
                "/tenant_id",
            ),
        ] {
            let refused = admin.client.post(PATH, body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        let here = json!({"email": "ADMIN@acme.example", "role": "viewer"});
        admin.client.post(PATH, here).await.expect(409);
        let nowhere = json!({"email": "a@b.cd", "role": "viewer", "project": "none"});
        admin.client.post(PATH, nowhere).await.expect(404);
        let other = test.bench.tenant("other").await;
        let theirs = json!({"email": "a@b.cd", "role": "viewer", "project": other.project});
        admin.client.post(PATH, theirs).await.expect(404);
        let dry = format!("{PATH}?dry_run=true");
        admin
            .client
            .post(&dry, json!({"email": "a@b.cd", "role": "viewer"}))
            .await
            .expect(200);
        assert_eq!(admin.client.get(PATH).await.expect(200).json["items"], json!([]));
    }
}
