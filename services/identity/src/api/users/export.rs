use actix_web::get;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::user;
use chrono::{DateTime, Utc};
use db::{Done, Outcome, Status, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{InUser, UserView};
use crate::state::Identity;
use crate::store::{self, export::Held};
use crate::user::must_cover;

/// Everything held on one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonExport {
    /// When it was read.
    pub exported_at: DateTime<Utc>,
    /// Their own record.
    pub user: UserView,
    /// What hangs on it.
    pub held: Held,
}

impl Subject for PersonExport {
    /// Not to be kept beside the person.
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.user.object()
    }

    fn record(&self) -> Value {
        json!({})
    }
}

/// Exports a person.
#[utoipa::path(
    operation_id = "export_user",
    tag = "users",
    description = "Everything held on somebody, as JSON: record, roles, groups, sessions with addresses, keys; no secrets and \
                   no hashes. Stands in the audit log. Not for somebody with more rights. Needs `user.export` and a factor \
                   shown of late.",
    params(("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses((status = 200, description = "Everything held on them", body = PersonExport), Refusals),
    security(("bearer" = [])),
)]
#[get("/users/{user}/export")]
pub async fn export_user(
    ask: Change<user::Export>,
    path: Path<InUser>,
    identity: Data<Identity>,
) -> Outcome<PersonExport> {
    // A change, though nothing changes: the log is told who had the whole of somebody's data, and when.
    let mut tx = ask.begin(&identity.db).await?;
    let user = store::users::lookup(&mut tx, path.user).await?;
    let carried = store::rights::bindings_of(&mut tx, &Principal::User(user.id)).await?;
    must_cover(ask.caller(), &carried)?;

    let numbers = store::factors::numbers(&mut tx, &user).await?;
    let held = store::export::held(&mut tx, &user, numbers).await?;

    let exported_at = tx.now();
    let user = UserView::from(&*user);
    tx.finish(
        Status::Ok,
        Done(PersonExport {
            exported_at,
            user,
            held,
        }),
    )
    .await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::UserId;
    use serde_json::Value;

    use crate::testing::{PASSWORD, start};

    /// Tables that hold something on a person, and where in the export it stands.
    const EXPORTED: [(&str, &str); 12] = [
        ("api_keys", "/held/api_keys/0"),
        ("email_changes", "/held/email_changes/0"),
        ("external_identities", "/held/external_identities/0"),
        ("factors", "/held/factors/0"),
        ("group_members", "/held/groups/0"),
        ("invitations", "/held/invitations/0"),
        ("known_addresses", "/held/known_addresses/0"),
        ("passwords", "/held/password_changed_at"),
        ("recovery_codes", "/held/recovery_codes/0"),
        ("role_bindings", "/held/role_bindings/0"),
        ("sessions", "/held/sessions/0"),
        ("users", "/user"),
    ];

    /// Tables that name a person and are not in the export, with the reason.
    const LEFT_OUT: [(&str, &str); 5] = [
        (
            "challenges",
            "a sign-in that waits for its factor is gone within minutes; the address is in the session that comes of it",
        ),
        (
            "oauth_codes",
            "a code is good for a minute, and the session that comes of it is in the export",
        ),
        (
            "password_history",
            "nothing but hashes of former passwords, and when each was chosen",
        ),
        (
            "external_sign_ins",
            "somebody who is at a provider to link it is back or forgotten within minutes",
        ),
        ("resets", "a token that is good for minutes, kept as a hash"),
    ];

    #[tokio::test]
    async fn every_table_that_names_a_person_is_in_the_export_or_left_out_with_a_reason() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let (token, _) = test.invite(&owner, "ada@acme.example", "viewer").await;
        let joined = test.accept(&token).await.expect(201);
        let ada: UserId = joined.json["user_id"].as_str().unwrap().parse().unwrap();
        test.sign_in("ada@acme.example", PASSWORD).await.expect(200);
        test.join(
            &tenant,
            ada,
            "poets",
            &Binding::role(Role::Operator, Some(tenant.project)),
        )
        .await;
        test.key_of(&tenant, ada).await;
        test.factor_of(&tenant, ada).await;
        test.email_change_of(&tenant, ada).await;
        test.identity_of(&tenant, ada).await;

        let tables: Vec<String> = sqlx::query_scalar(
            "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
             where c.relkind in ('r', 'p') and n.nspname = 'identity' order by 1",
        )
        .fetch_all(&mut test.bench.superuser().await)
        .await
        .unwrap();
        let mut named: Vec<_> = EXPORTED.iter().chain(&LEFT_OUT).map(|(table, _)| *table).collect();
        named.sort_unstable();
        assert_eq!(tables, named, "a table with user_id: export it, or say why not");

        let export = owner
            .client
            .get(&format!("/api/v1/users/{ada}/export"))
            .await
            .expect(200);
        for (table, pointer) in EXPORTED {
            let held = export.json.pointer(pointer);
            assert!(
                held.is_some_and(|held| !held.is_null()),
                "{table}: {pointer} in {}",
                export.text
            );
        }
        let roles: Vec<&Value> = export.json["held"]["role_bindings"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
        assert_eq!(roles.len(), 2, "their own and their group's: {roles:?}");
    }

    #[tokio::test]
    async fn t24_no_secret_and_no_hash_is_in_it_and_the_log_says_only_that_it_was_made() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person_called(&tenant, "ada", "Ada Lovelace", Role::Viewer).await;
        let tokens = test.sign_in(&ada.email, PASSWORD).await.expect(200).json;
        test.key_of(&tenant, ada.id).await;
        test.factor_of(&tenant, ada.id).await;
        let path = format!("{}/export", ada.path);
        let keyed = owner
            .client
            .request(reqwest::Method::GET, &path)
            .header("idempotency-key", "k");
        let export = owner.client.send(keyed).await.expect(200);
        assert!(export.text.contains("Ada Lovelace"));
        for secret in [
            "sealed",
            "argon2",
            "hash",
            "secret",
            "family",
            "token",
            tokens["refresh_token"].as_str().unwrap(),
        ] {
            assert!(!export.text.contains(secret), "{secret}: {}", export.text);
        }
        assert_eq!(
            test.audit(&tenant).await.last().unwrap(),
            &("user.export".to_owned(), "success".to_owned())
        );
        for table in ["bus.outbox", "identity.replies"] {
            let rows = test.dump(table).await;
            assert!(
                !rows.contains("Lovelace") && !rows.contains("ada@acme"),
                "{table}: {rows}"
            );
        }
    }

    #[tokio::test]
    async fn t18_t01_nobody_exports_somebody_with_more_rights_or_of_another_tenant() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let owner = test.person(&mine, "owner", Role::Owner).await;
        let admin = test.person(&mine, "admin", Role::Admin).await;
        let auditor = test.person(&mine, "auditor", Role::Auditor).await;
        let them = test.person(&theirs, "them", Role::Viewer).await;
        let export = |path: &str| format!("{path}/export");
        admin.client.get(&export(&owner.path)).await.expect(403);
        auditor.client.get(&export(&auditor.path)).await.expect(403);
        owner.client.get(&export(&them.path)).await.expect(404);
        let stale = test.stale(&mine, &owner).get(&export(&admin.path)).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
    }
}
