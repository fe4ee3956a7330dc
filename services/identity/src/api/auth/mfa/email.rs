pub mod send;

use actix_web::post;
use actix_web::web::{Data, Json};
use web::{Open, Refusals};

use super::sent::ShowSent;
use super::{Shown, finish};
use crate::api::auth::SignedIn;
use crate::factor::Kind;
use crate::state::Identity;

/// Finishes a sign-in with a code that came by mail.
#[utoipa::path(
    operation_id = "sign_in_with_email",
    tag = "auth",
    description = "The second half of a sign-in that answered `mfa_required`, with the code that `/auth/mfa/email:send` had sent \
                   for it: good once, for ten minutes, for this sign-in alone. A weaker factor: of whoever has a stronger one \
                   it opens nothing that asks for a factor shown of late. Five wrong codes end the sign-in.",
    request_body(content = ShowSent, description = "Challenge and code"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/email")]
pub async fn sign_in_with_email(ask: Open<ShowSent>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let shown = Shown::sent(Kind::Email, "/code", &ask.body.code)?;

    finish(&identity, &ask.origin, &ask.body.challenge, &shown).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;

    use crate::testing::codes::Sending;

    #[tokio::test]
    async fn a_person_with_a_mailbox_signs_in_by_password_and_letter() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        let ada = sending.add_mailbox(&owner).await;
        let challenge = test.challenge(&owner).await;
        let sent = sending.send("email", &challenge).await.expect(200).json;
        assert_eq!(sent["sent_to"], "a…@acme.example");
        let code = sending.mailed(&owner.email, 2).await.remove(1);
        let spaced = format!("{} {}", &code[..4], &code[4..]);
        test.show("email", &challenge, &spaced).await.expect(200);
        assert!(test.dump("identity.sessions").await.contains("{pwd,email}"));
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        assert!(
            mine["items"][0]["used_at"].is_string() && mine["items"][0]["id"] == ada.factor,
            "{mine}"
        );
        // Who has no telephone is sent nothing there.
        let challenge = test.challenge(&owner).await;
        sending.send("sms", &challenge).await.expect(401);
        test.client
            .post("/api/v1/auth/mfa/email:send", json!({"challenge": "ysc_x"}))
            .await
            .expect(401);
    }

    #[tokio::test]
    async fn t24_a_code_is_neither_in_the_table_nor_in_the_log_nor_kept_with_the_letter() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_mailbox(&owner).await;
        let challenge = test.challenge(&owner).await;
        sending.send("email", &challenge).await.expect(200);
        let code = sending.mailed(&owner.email, 2).await.remove(1);
        let hex = code
            .bytes()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for table in test.tables().await {
            let dump = test.dump(&table).await;
            assert!(!dump.contains(&code) && !dump.contains(&hex), "{table}: {dump}");
        }
        testkit::eventually("nothing is left of the letter", async || {
            test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
    }

    #[tokio::test]
    async fn t11_letters_with_codes_run_out_and_come_back() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_mailbox(&owner).await;
        let mut sent = 1;
        while sent < 10 {
            let challenge = test.challenge(&owner).await;
            for _ in 0..3 {
                sending.send("email", &challenge).await.expect(200);
                sent += 1;
            }
        }
        let challenge = test.challenge(&owner).await;
        sending.send("email", &challenge).await.expect(429);
        clock.advance(Duration::from_secs(8_641));
        sending.send("email", &test.challenge(&owner).await).await.expect(200);
    }
}
