use actix_web::post;
use actix_web::web::Data;
use auth::action::recovery_code;
use db::{Done, Outcome, Status, Subject};
use ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{new_codes, signed_in};
use crate::factor::recovery::Code;
use crate::state::Identity;
use crate::store;

/// A new set of recovery codes. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten codes, each good once, to be written down. Secrets.
    #[schema(example = json!(["7k3m-9qxd-0f2h-vw8c-1n5t-rj6b"]))]
    pub recovery_codes: Vec<String>,
    #[serde(skip)]
    user: UserId,
}

impl Subject for RecoveryCodes {
    const SECRET: bool = true;

    fn object(&self) -> String {
        format!("user:{}", self.user)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Makes new recovery codes for the caller.
#[utoipa::path(
    operation_id = "renew_recovery_codes",
    tag = "auth",
    description = "What is left of the old ones is void. Needs a confirmed factor, and asks for one shown of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the codes shown then are nobody's"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: secrets are not shown twice"),
    ),
    responses((status = 201, description = "The new codes", body = RecoveryCodes), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/recovery-codes")]
pub async fn renew_recovery_codes(
    ask: Change<recovery_code::Create>,
    identity: Data<Identity>,
) -> Outcome<RecoveryCodes> {
    let (user, _) = signed_in(ask.caller())?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factors = store::factors::list(&mut tx, &tenant, user).await?;
    if factors.iter().all(|factor| factor.confirmed_at.is_none()) {
        let detail = "Recovery codes stand in for a factor, and you have none; add one first.";
        return Err(fault::Error::conflict(detail).into());
    }

    let codes = new_codes();
    store::recovery_codes::replace(&mut tx, &tenant, user, &codes).await?;

    let shown = RecoveryCodes {
        recovery_codes: codes.iter().map(Code::expose).collect(),
        user,
    };
    tx.finish(Status::Created, Done(shown)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    const PATH: &str = "/api/v1/me/mfa/recovery-codes";

    #[tokio::test]
    async fn the_new_codes_void_the_old_ones() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        let renewed = ada.client.post(PATH, json!({})).await.expect(201).json;
        let codes = renewed["recovery_codes"].as_array().unwrap();
        assert_eq!(codes.len(), 10);
        let challenge = test.challenge(&owner).await;
        test.show("recovery", &challenge, &ada.codes[0]).await.expect(401);
        test.show("recovery", &challenge, codes[0].as_str().unwrap())
            .await
            .expect(200);
        assert!(!test.dump("bus.outbox").await.contains(codes[1].as_str().unwrap()));
    }

    #[tokio::test]
    async fn without_a_factor_there_is_nothing_to_recover() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        client.post(PATH, json!({})).await.expect(409);
    }
}
