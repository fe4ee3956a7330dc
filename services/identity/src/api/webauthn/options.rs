//! What devices are asked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use webauthn_rs::prelude::{CreationChallengeResponse, RequestChallengeResponse};

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The service, as devices show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RpEntity {
    /// The domain that the key is bound to.
    #[schema(example = "cloud.example.com")]
    pub id: String,
    /// What it is called.
    #[schema(example = "Yunshu")]
    pub name: String,
}

/// The person, as devices show them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// Their id, in base64url.
    #[schema(example = "AZLwwS0-eksMjV5uf4CRog")]
    pub id: String,
    /// Their address.
    #[schema(example = "ada@example.com")]
    pub name: String,
    /// What they are called.
    #[schema(example = "ada@example.com")]
    pub display_name: String,
}

/// A kind of key that is taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyParameters {
    /// Always `public-key`.
    #[schema(example = "public-key")]
    pub r#type: String,
    /// The algorithm's number with COSE: -7 is ES256.
    #[schema(example = -7)]
    pub alg: i64,
}

/// A key that is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyDescriptor {
    /// Always `public-key`.
    #[schema(example = "public-key")]
    pub r#type: String,
    /// Its id, in base64url.
    #[schema(example = "q83vASNFZ4mrze8BI0VniQ")]
    pub id: String,
    /// How it may be reached.
    #[schema(example = json!(["internal"]))]
    pub transports: Vec<String>,
}

/// What the key must be able to do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySelection {
    /// Always `preferred`: a key that the device finds by itself can sign in alone.
    #[schema(example = "preferred")]
    pub resident_key: &'static str,
    /// The same for older browsers.
    pub require_resident_key: bool,
    /// Always `required`.
    #[schema(example = "required")]
    pub user_verification: &'static str,
}

/// What `navigator.credentials.create` takes as `publicKey`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The service.
    pub rp: RpEntity,
    /// The person.
    pub user: UserEntity,
    /// What is to be signed, in base64url.
    #[schema(example = "dGhpcyBpcyBzaWduZWQgb25jZSBieSB0aGUgZGV2aWNl")]
    pub challenge: String,
    /// The kinds of keys that are taken, the best first.
    pub pub_key_cred_params: Vec<KeyParameters>,
    /// Milliseconds that it may take.
    #[schema(example = 300_000)]
    pub timeout: Option<u32>,
    /// The keys that the person has: another is wanted.
    pub exclude_credentials: Vec<KeyDescriptor>,
    /// What the key must be able to do.
    pub authenticator_selection: KeySelection,
    /// Does its maker have to vouch for it? `none` or `direct`.
    #[schema(example = "none")]
    pub attestation: &'static str,
}

impl CreationOptions {
    pub fn of(options: CreationChallengeResponse, attested: bool) -> Self {
        let options = options.public_key;
        let kinds = options.pub_key_cred_params.into_iter();
        let excluded = options.exclude_credentials.unwrap_or_default().into_iter();
        Self {
            rp: RpEntity {
                id: options.rp.id,
                name: options.rp.name,
            },
            user: UserEntity {
                id: encode(&options.user.id),
                name: options.user.name,
                display_name: options.user.display_name,
            },
            challenge: encode(&options.challenge),
            pub_key_cred_params: kinds
                .map(|kind| KeyParameters {
                    r#type: kind.type_,
                    alg: kind.alg,
                })
                .collect(),
            timeout: options.timeout,
            exclude_credentials: excluded
                .map(|key| KeyDescriptor {
                    r#type: key.type_,
                    id: encode(&key.id),
                    transports: Vec::new(),
                })
                .collect(),
            authenticator_selection: KeySelection {
                resident_key: "preferred",
                require_resident_key: false,
                user_verification: "required",
            },
            attestation: if attested { "direct" } else { "none" },
        }
    }
}

/// What `navigator.credentials.get` takes as `publicKey`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// What is to be signed, in base64url.
    #[schema(example = "dGhpcyBpcyBzaWduZWQgb25jZSBieSB0aGUgZGV2aWNl")]
    pub challenge: String,
    /// Milliseconds that it may take.
    #[schema(example = 300_000)]
    pub timeout: Option<u32>,
    /// The domain that the key is bound to.
    #[schema(example = "cloud.example.com")]
    pub rp_id: String,
    /// The keys that would do; empty: any that the device knows.
    pub allow_credentials: Vec<KeyDescriptor>,
    /// Always `required`.
    #[schema(example = "required")]
    pub user_verification: &'static str,
}

impl RequestOptions {
    pub fn of(options: RequestChallengeResponse) -> Self {
        let options = options.public_key;
        let allowed = options.allow_credentials.into_iter();
        Self {
            challenge: encode(&options.challenge),
            timeout: options.timeout,
            rp_id: options.rp_id,
            allow_credentials: allowed
                .map(|key| KeyDescriptor {
                    r#type: key.type_,
                    id: encode(&key.id),
                    transports: key
                        .transports
                        .unwrap_or_default()
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                })
                .collect(),
            user_verification: "required",
        }
    }
}
