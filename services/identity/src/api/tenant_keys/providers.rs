use actix_web::get;
use actix_web::web::Data;
use auth::action::key_provider;
use db::Reason;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Found, Read, Refusals};

use crate::state::Identity;
use crate::store;

/// What wraps tenants' keys, and how far a change of it has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyProvidersView {
    /// The provider that wraps; tenant keys of others are wrapped anew by it.
    #[schema(example = "file:0a1b2c3d4e5f6071")]
    pub current: String,
    /// How many tenant keys are still to be wrapped anew. At 0, no other provider is needed any more.
    #[schema(example = 0)]
    pub remaining: i64,
    /// How many tenants keep the key that wraps theirs themselves.
    #[schema(example = 0)]
    pub external: i64,
    /// How many of those keys are away. Their tenants see why.
    #[schema(example = 0)]
    pub external_away: i64,
    /// How many tenants' keys were destroyed.
    #[schema(example = 0)]
    pub destroyed: i64,
    /// Is a list of destroyed keys kept outside of the database? Without it a restored backup brings them back.
    #[schema(example = true)]
    pub destroyed_is_listed: bool,
    /// Each provider that wrapped a tenant key, or may.
    pub providers: Vec<KeyProviderView>,
}

/// A provider of key-encryption keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyProviderView {
    /// Which provider and key.
    #[schema(example = "file:0a1b2c3d4e5f6071")]
    pub name: String,
    /// Is it set up? Tenant keys of one that is not cannot be read.
    #[schema(example = true)]
    pub is_set_up: bool,
    /// How many tenant keys it wrapped.
    #[schema(example = 12)]
    pub tenant_keys: i64,
}

impl db::Subject for KeyProvidersView {
    fn object(&self) -> String {
        "key_providers".to_owned()
    }
}

/// Reads what wraps tenants' keys.
#[utoipa::path(
    operation_id = "read_key_providers",
    tag = "tenant-keys",
    description = "Which providers of key-encryption keys the platform has, how many tenant keys each has wrapped, and how many are \
                   still to be wrapped by the current one. Needs `key_provider.read`, which platform operators have.",
    responses((status = 200, description = "The providers", body = KeyProvidersView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/keys")]
pub async fn read_key_providers(
    ask: Read<key_provider::Read>,
    identity: Data<Identity>,
) -> Result<Found<KeyProvidersView>, fault::Error> {
    let platform = ask.begin(&identity.db).await?.platform()?;
    let none = || fault::Error::unavailable("This process holds no keys.", 60);
    let ring = identity.db.keyring().ok_or_else(none)?;

    let mut tx = identity.db.system(Reason::Operator).await?;
    let (held, destroyed) = store::tenant_keys::by_provider(&mut tx, &platform).await?;

    let (own, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(name, _)| name == crypto::EXTERNAL);
    let current = ring.providers().current().name();
    let mut providers: Vec<KeyProviderView> = held
        .into_iter()
        .map(|(name, tenant_keys)| KeyProviderView {
            is_set_up: ring.providers().by_name(&name).is_some(),
            name,
            tenant_keys,
        })
        .collect();
    if !providers.iter().any(|provider| provider.name == current) {
        providers.push(KeyProviderView {
            name: current.to_owned(),
            is_set_up: true,
            tenant_keys: 0,
        });
    }
    let others = providers.iter().filter(|provider| provider.name != current);
    Ok(Found(KeyProvidersView {
        remaining: others.map(|provider| provider.tenant_keys).sum(),
        current: current.to_owned(),
        external: own.iter().map(|(_, tenants)| tenants).sum(),
        external_away: store::external_keys::away(&mut tx, &platform).await?,
        destroyed,
        destroyed_is_listed: ring.destroyed().is_kept(),
        providers,
    }))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_operator_sees_what_is_still_to_be_wrapped_anew() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.client.caller(&acme.caller(Role::PlatformOperator));
        let seen = operator.get("/api/v1/system/keys").await.expect(200).json;
        assert_eq!(
            (&seen["remaining"], &seen["destroyed_is_listed"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(seen["providers"][0]["name"], seen["current"]);
        let byte = test.bench.tenant("byte").await;
        test.bench.db("identity").keys(byte.id).await.unwrap();
        test.bench
            .alter(
                "update keys.tenant_keys set provider = 'old' where tenant_id = $1",
                byte.id,
            )
            .await;
        let seen = operator.get("/api/v1/system/keys").await.expect(200).json;
        assert_eq!(seen["remaining"], 1);
        let old = seen["providers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "old")
            .unwrap();
        assert_eq!((&old["is_set_up"], &old["tenant_keys"]), (&json!(false), &json!(1)));
        test.client
            .caller(&acme.caller(Role::Owner))
            .get("/api/v1/system/keys")
            .await
            .expect(403);
    }
}
