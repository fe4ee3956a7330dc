use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::session;
use auth::{Action, Caller};
use db::{AuditEvent, AuditOutcome};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Open, Refusals};

use crate::once;
use crate::password::NewPassword;
use crate::state::Identity;
use crate::store;
use crate::store::sessions::Why;

/// The new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmReset {
    /// The token of the letter's link.
    #[schema(value_type = String, format = Password, example = "ypr_gAn0t0ken", max_length = 200)]
    pub token: SecretString,
    /// The new password, by the rules of the tenant.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", max_length = 256)]
    pub password: SecretString,
}

/// That the password was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetDone {
    /// Always `changed`.
    #[schema(example = "changed")]
    pub status: &'static str,
}

fn void() -> fault::Error {
    fault::Error::unauthenticated("This link is not good, or no longer: ask for another letter.")
}

/// Chooses a new password with the token of a letter.
#[utoipa::path(
    operation_id = "confirm_password_reset",
    tag = "auth",
    description = "Good once. Every session of the person ends, and whoever has a second factor still needs it to sign in.",
    request_body(content = ConfirmReset, description = "Token and new password"),
    responses((status = 200, description = "Changed", body = ResetDone), Refusals),
    security(()),
)]
#[post("/auth/password-reset/confirm")]
pub async fn confirm_password_reset(
    ask: Open<ConfirmReset>,
    identity: Data<Identity>,
) -> Result<Json<ResetDone>, fault::Error> {
    let token = once::digest(ask.body.token.expose_secret());
    let turn = identity.hasher.turn()?;
    let mut tx = identity.begin_sign_in().await?;
    let holder = store::resets::lookup(&mut tx, token).await?.ok_or_else(void)?;
    let rules = store::policies::at_sign_in(&mut tx, holder.tenant).await?.password;
    // None: they came by a provider that is gone, and this is their first.
    let kept = store::people::secret(&mut tx, holder.tenant, holder.user).await?;
    let barred = match &kept {
        Some(kept) => store::former_passwords::barred(&mut tx, holder.tenant, holder.user, kept, &rules).await?,
        None => Vec::new(),
    };
    drop(tx);
    let email = holder.email(&identity.db.keys(holder.tenant).await?)?;
    let password = NewPassword::check_by(rules.profile, &ask.body.password, &[email.as_str(), email.local_part()])
        .map_err(|refused| fault::Error::invalid("/password", refused.to_string()))?;
    let hash = turn.hash_unlike(password, barred).await;
    let hash = hash.map_err(|error| error.at("/password"))?;

    let mut tx = identity.begin_sign_in().await?;
    let holder = store::resets::spend(&mut tx, token).await?.ok_or_else(void)?;
    if let Some(kept) = &kept {
        store::former_passwords::keep_at_reset(&mut tx, holder.tenant, holder.user, kept, &rules).await?;
    }
    store::people::set_hash(&mut tx, holder.tenant, holder.user, &hash).await?;
    store::sessions::revoke_all(&mut tx, holder.tenant, holder.user, Why::Password).await?;
    let caller = Caller::newcomer(
        holder.tenant,
        holder.user,
        Vec::new(),
        ask.origin.address,
        ask.origin.request,
    );
    let (action, object) = (session::Recover::INFO.name, format!("user:{}", holder.user));
    let changes = json!({"step": "changed"});
    let entry = AuditEvent::of(&caller, tx.now(), action, object, AuditOutcome::Success, changes);
    tx.record(holder.tenant, &entry)?;
    tx.commit().await?;

    Ok(Json(ResetDone { status: "changed" }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;
    use testkit::{Bench, eventually};

    use crate::mail::MailSettings;
    use crate::settings::Settings;
    use crate::testing::{PASSWORD, Test, settings, start_on, turn_in};

    const PATH: &str = "/api/v1/auth/password-reset/confirm";
    const NEW: &str = "seventeen purple elephants";

    struct Post {
        test: Test,
        folder: tempfile::TempDir,
    }

    /// Letters go into a folder.
    async fn post_on(clock: &Clock) -> Post {
        let folder = tempfile::tempdir().unwrap();
        let mail = MailSettings {
            folder: Some(folder.path().to_owned()),
            ..MailSettings::default()
        };
        let settings = Settings { mail, ..settings() };
        let test = start_on(Bench::at(clock.clone()).await, &settings).await;
        Post { test, folder }
    }

    impl Post {
        /// The tokens of all letters so far, once there are that many.
        async fn tokens(&self, letters: usize) -> Vec<String> {
            eventually(&format!("{letters} letters"), async || {
                let files = std::fs::read_dir(self.folder.path()).unwrap().flatten();
                let texts = files.filter_map(|file| std::fs::read(file.path()).ok());
                let found: Vec<String> = texts.filter_map(|text| token_of(&text)).collect();
                (found.len() >= letters).then_some(found)
            })
            .await
        }

        async fn asked(&self, email: &str) -> String {
            let body = json!({"email": email});
            self.test
                .client
                .post("/api/v1/auth/password-reset", body)
                .await
                .expect(202);
            self.tokens(1).await.remove(0)
        }
    }

    fn token_of(eml: &[u8]) -> Option<String> {
        let text = quoted_printable(eml);
        let from = text.find("ypr_")?;
        let rest = text.get(from..)?;
        Some(rest.split_whitespace().next()?.to_owned())
    }

    /// RFC 2045, 6.7, as far as ASCII needs it; base64 bodies are decoded as a whole.
    fn quoted_printable(eml: &[u8]) -> String {
        use base64::Engine;
        let text = String::from_utf8_lossy(eml);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        if head.to_lowercase().contains("base64") {
            let joined: String = body.split_whitespace().collect();
            let plain = base64::engine::general_purpose::STANDARD
                .decode(joined)
                .unwrap_or_default();
            return String::from_utf8_lossy(&plain).into_owned();
        }
        body.replace("=\r\n", "").replace("=3D", "=")
    }

    #[tokio::test]
    async fn a_letter_lets_its_holder_choose_once_and_ends_every_session() {
        let clock = Clock::system();
        let post = post_on(&clock).await;
        let owner = post.test.sign_up("acme").await;
        let tokens = post.test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let token = post.asked(&owner.email).await;
        assert!(!post.test.dump("identity.errands").await.contains("ada@"));
        assert!(!post.test.dump("identity.resets").await.contains(&token));

        let weak = json!({"token": token, "password": "aaaaaaaaaaaaaaaaaaaa"});
        post.test.client.post(PATH, weak).await.expect(400);
        let new = json!({"token": token, "password": NEW});
        post.test.client.post(PATH, new.clone()).await.expect(200);
        let spent = post.test.client.post(PATH, new).await.expect(401);
        let made_up = json!({"token": "ypr_none", "password": NEW});
        let made_up = post.test.client.post(PATH, made_up).await.expect(401);
        assert_eq!(spent.without_request(), made_up.without_request());

        assert!(post.test.enter(&tokens).await.is_none(), "the session is over");
        turn_in(&post.test.client, &tokens).await.expect(401);
        post.test.sign_in(&owner.email, PASSWORD).await.expect(401);
        post.test.sign_in(&owner.email, NEW).await.expect(200);
        let log = post.test.bench.audit(owner.tenant).await;
        let recovered = ("session.recover".to_owned(), "success".to_owned());
        assert_eq!(
            log.iter().filter(|entry| **entry == recovered).count(),
            2,
            "asked and changed"
        );
    }

    #[tokio::test]
    async fn a_letter_is_no_way_round_the_tenants_rules() {
        let post = post_on(&Clock::system()).await;
        let owner = post.test.sign_up("acme").await;
        post.test.rules(owner.tenant, "password_profile = 'mlps3'").await;
        let token = post.asked(&owner.email).await;
        let choose = |password: &str| {
            post.test
                .client
                .post(PATH, json!({"token": token, "password": password}))
        };
        for bad in [NEW, "Tz7!kWq2p", "Password1!"] {
            let refused = choose(bad).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/password", "{bad}");
        }
        choose("Tz7!kWq2pv").await.expect(200);
        let body = json!({"email": owner.email});
        post.test
            .client
            .post("/api/v1/auth/password-reset", body)
            .await
            .expect(202);
        let both = post.tokens(2).await;
        let second = both.into_iter().find(|other| *other != token).unwrap();
        let again = json!({"token": second, "password": "Tz7!kWq2pv"});
        let refused = post.test.client.post(PATH, again).await.expect(400);
        assert!(refused.text.contains("had before"), "{}", refused.text);
    }

    #[tokio::test]
    async fn of_fifty_at_once_one_wins() {
        let post = post_on(&Clock::system()).await;
        let owner = post.test.sign_up("acme").await;
        let token = post.asked(&owner.email).await;
        let tries = (0..50).map(|nth| {
            let body = json!({"token": token, "password": format!("{NEW} number {nth}")});
            post.test.client.post(PATH, body)
        });
        let replies = futures::future::join_all(tries).await;
        let told = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!(told(200), 1);
        // The hasher's queue is full for some.
        assert_eq!(told(401) + told(429), 49);
    }

    #[tokio::test]
    async fn an_old_letter_a_replaced_one_and_a_disabled_persons_are_void() {
        let clock = Clock::held_at(Clock::system().now());
        let post = post_on(&clock).await;
        let owner = post.test.sign_up("acme").await;
        let first = post.asked(&owner.email).await;
        let body = json!({"email": owner.email});
        post.test
            .client
            .post("/api/v1/auth/password-reset", body)
            .await
            .expect(202);
        let both = post.tokens(2).await;
        let second = both.into_iter().find(|token| *token != first).unwrap();
        let new = |token: &str| json!({"token": token, "password": NEW});
        post.test.client.post(PATH, new(&first)).await.expect(401);
        clock.advance(Duration::from_mins(31));
        post.test.client.post(PATH, new(&second)).await.expect(401);
    }
}
