//! A new password for somebody who has lost theirs.

pub mod confirm;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::TimeDelta;
use fault::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::budget;
use crate::errand::Errand;
use crate::guess;
use crate::person::Email;
use crate::project::Name;
use crate::state::Identity;
use crate::store;

/// Nobody wants a letter about what they asked for a day ago.
const LIVES: TimeDelta = TimeDelta::hours(1);

/// Who wants a new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The e-mail address.
    #[schema(example = "ada@example.com", format = "email", max_length = 254)]
    pub email: String,
    /// The tenant's name; without it a letter comes for each tenant that has the address.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: Option<String>,
}

/// That the request was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetTaken {
    /// Always `accepted`, whoever was named.
    #[schema(example = "accepted")]
    pub status: &'static str,
}

/// Asks for a letter with which to choose a new password.
#[utoipa::path(
    operation_id = "reset_password",
    tag = "auth",
    description = "Whoever has the address gets a letter with a link that is good once, for half an hour. The answer is the \
                   same, and as quick, whether or not anybody has it. Second factors stay as they are.",
    request_body(content = ResetPassword, description = "Whose password"),
    responses((status = 202, description = "Taken", body = ResetTaken), Refusals),
    security(()),
)]
#[post("/auth/password-reset")]
pub async fn reset_password(ask: Open<ResetPassword>, identity: Data<Identity>) -> Result<HttpResponse, fault::Error> {
    let wrong = |error: FieldError| fault::Error::invalid_fields(vec![error]);
    let email = Email::check("/email", &ask.body.email).map_err(wrong)?;
    let tenant = ask.body.tenant.as_deref().map(Name::check).transpose();
    let tenant = tenant.map_err(|error| {
        wrong(FieldError {
            pointer: "/tenant".into(),
            ..error
        })
    })?;

    let mut tx = identity.begin_sign_in().await?;
    let network = guess::network(ask.origin.address);
    let budgets = guess::letters(&identity.guesses, &email, &network);
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        let detail = "Too many letters were asked for; wait as long as Retry-After says.";
        return Err(budget::too_many(wait, detail));
    }
    let errand = Errand::Reset {
        email: email.as_str().to_owned(),
        tenant: tenant.map(|name| name.as_str().to_owned()),
    };
    store::errands::insert(&mut tx, &identity.kek, &errand, LIVES).await?;
    tx.commit().await?;

    identity.errands.notify_one();
    Ok(HttpResponse::Accepted().json(ResetTaken { status: "accepted" }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/auth/password-reset";

    #[tokio::test]
    async fn t11_known_and_unknown_read_the_same_and_do_the_same() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let known = test.client.post(PATH, json!({"email": owner.email})).await.expect(202);
        let body = json!({"email": "nobody@acme.example", "tenant": "nowhere"});
        let unknown = test.client.post(PATH, body).await.expect(202);
        assert_eq!(known.without_request(), unknown.without_request());
    }

    #[tokio::test]
    async fn t40_letters_to_one_address_are_few() {
        let test = start().await;
        let ask = || test.client.post(PATH, json!({"email": "ada@acme.example"}));
        for _ in 0..3 {
            ask().await.expect(202);
        }
        let refused = ask().await.expect(429);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        let test = start().await;
        for (body, pointer) in [
            (json!({"email": "no"}), "/email"),
            (json!({"email": "a@b.cd", "tenant": "No"}), "/tenant"),
            (json!({"email": "a@b.cd", "user": 1}), "/user"),
        ] {
            let refused = test.client.post(PATH, body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer);
        }
    }
}
