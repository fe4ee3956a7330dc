use actix_web::post;
use actix_web::web::{Data, Json};
use auth::PLATFORM;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::name;
use crate::api::auth::budget;
use crate::guess;
use crate::state::Identity;
use crate::store;

/// Whose providers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfTenant {
    /// The tenant's name.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: String,
}

/// A provider one may sign in by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedProvider {
    /// Its name, to begin with.
    #[schema(example = "corporate")]
    pub name: String,
    /// What to show.
    #[schema(example = "Example Corp.")]
    pub display_name: String,
}

/// The providers one may sign in by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedProviders {
    /// The providers, by name.
    pub items: Vec<OfferedProvider>,
    /// Always none: nobody has so many.
    pub next_page: Option<String>,
}

/// Lists the identity providers that a tenant offers to sign in by.
#[utoipa::path(
    operation_id = "list_sign_in_providers",
    tag = "auth",
    description = "For the sign-in page. A tenant that does not exist offers none, as one without providers does. 429 says how long \
                   to wait after too many questions from one address.",
    request_body(content = OfTenant, description = "Whose providers"),
    responses((status = 200, description = "The providers", body = OfferedProviders), Refusals),
    security(()),
)]
#[post("/auth/oidc/providers")]
pub async fn list_sign_in_providers(
    ask: Open<OfTenant>,
    identity: Data<Identity>,
) -> Result<Json<OfferedProviders>, fault::Error> {
    let tenant = name("/tenant", &ask.body.tenant)?;

    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::offers(&identity.guesses, &guess::network(ask.origin.address));
    if let Some(spent) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        drop(tx);
        let whom = (PLATFORM, "identity_provider:unknown".to_owned());
        return Err(budget::slow_down(&identity, &ask.origin, whom, spent).await?);
    }
    let offered = store::identity_providers::all_offered(&mut tx, tenant.as_str()).await?;
    tx.commit().await?;

    let shown = |(name, display_name)| OfferedProvider { name, display_name };
    Ok(Json(OfferedProviders {
        items: offered.into_iter().map(shown).collect(),
        next_page: None,
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::PLATFORM;
    use clock::Clock;
    use serde_json::json;
    use testkit::{Bench, Client};

    use crate::testing::{settings, start_on};

    const PATH: &str = "/api/v1/auth/oidc/providers";

    /// How many questions are answered until one is not, and that one.
    async fn asked_out(client: &Client, tenant: impl Fn(usize) -> String) -> (usize, testkit::Reply) {
        for answered in 0..=1_000 {
            let reply = client.post(PATH, json!({"tenant": tenant(answered)})).await;
            if reply.status == 429 {
                return (answered, reply);
            }
            reply.expect(200);
        }
        panic!("there is no end to it");
    }

    #[tokio::test]
    async fn t11_whoever_goes_through_tenants_names_is_slowed_down_alone_and_the_log_says_so_once() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        test.bench.tenant("acme").await;
        let seeker = test.client.at([198, 51, 100, 7].into());
        let burst = usize::from(settings().guesses.address.burst);
        let (answered, refused) = asked_out(&seeker, |at| format!("tenant-{at}")).await;
        assert_eq!(answered, burst);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=3).contains(&wait), "{wait}");

        // Whom there is and whom there is not are refused in the same words, and a refusal costs nothing.
        let known = seeker.post(PATH, json!({"tenant": "acme"})).await.expect(429);
        assert_eq!(known.without_request(), refused.without_request());
        let neighbour = test.client.at([198, 51, 100, 8].into());
        neighbour.post(PATH, json!({"tenant": "acme"})).await.expect(200);
        let begin = json!({"tenant": "nowhere", "provider": "corp"});
        seeker.post("/api/v1/auth/oidc/begin", begin).await.expect(404);
        clock.advance(Duration::from_secs(wait));
        seeker.post(PATH, json!({"tenant": "acme"})).await.expect(200);

        let log = test.bench.audit(PLATFORM).await;
        let denied = |entry: &&(String, String)| entry.1 == "denied";
        assert_eq!(log.iter().filter(denied).count(), 1, "{log:?}");
    }
}
