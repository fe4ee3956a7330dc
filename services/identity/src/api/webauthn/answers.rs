//! What devices answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};

/// A certificate chain of a maker is the longest there is.
const MOST: usize = 32 * 1024;

/// What a device says of the key that it made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "browsers send it, so it is let in")]
pub struct AttestationResponse {
    /// What the browser saw, in base64url.
    #[serde(rename = "clientDataJSON")]
    #[schema(example = "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0", max_length = 32768)]
    pub client_data_json: String,
    /// The key, and who vouches for it, in base64url.
    #[schema(example = "o2NmbXRkbm9uZQ", max_length = 32768)]
    pub attestation_object: String,
    /// How the key may be reached.
    #[serde(default)]
    #[schema(example = json!(["internal"]), max_items = 10)]
    pub transports: Vec<String>,
    /// What stands in the attestation object too; not looked at.
    #[schema(example = "SZYN5YgOjGh0NBcPZHZgW4", max_length = 32768)]
    pub authenticator_data: Option<String>,
    /// What stands in the attestation object too; not looked at.
    #[schema(example = "MFkwEwYHKoZIzj0CAQ", max_length = 32768)]
    pub public_key: Option<String>,
    /// What stands in the attestation object too; not looked at.
    #[schema(example = -7)]
    pub public_key_algorithm: Option<i64>,
}

/// A key that was made: what `toJSON` gives of what `navigator.credentials.create` answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "browsers send it, so it is let in")]
pub struct NewCredential {
    /// Its id, in base64url.
    #[schema(example = "q83vASNFZ4mrze8BI0VniQ", max_length = 2048)]
    pub id: String,
    /// The same.
    #[schema(example = "q83vASNFZ4mrze8BI0VniQ", max_length = 2048)]
    pub raw_id: Option<String>,
    /// Always `public-key`.
    #[schema(example = "public-key", max_length = 32)]
    pub r#type: String,
    /// What the device says.
    pub response: AttestationResponse,
    /// Is it built in? Not looked at.
    #[schema(example = "platform", max_length = 32)]
    pub authenticator_attachment: Option<String>,
    /// What the browser says of extensions; not looked at.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub client_extension_results: Map<String, Value>,
}

/// What a device says to a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AssertionResponse {
    /// What the browser saw, in base64url.
    #[serde(rename = "clientDataJSON")]
    #[schema(example = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0", max_length = 32768)]
    pub client_data_json: String,
    /// What the device saw, in base64url.
    #[schema(example = "SZYN5YgOjGh0NBcPZHZgW4", max_length = 32768)]
    pub authenticator_data: String,
    /// The signature over both, in base64url.
    #[schema(example = "MEUCIQDT", max_length = 32768)]
    pub signature: String,
    /// Whose key it is, in base64url, where the device found it by itself.
    #[schema(example = "AZLwwS0-eksMjV5uf4CRog", max_length = 128)]
    pub user_handle: Option<String>,
}

/// A key that is shown: what `toJSON` gives of what `navigator.credentials.get` answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "browsers send it, so it is let in")]
pub struct Assertion {
    /// The key's id, in base64url.
    #[schema(example = "q83vASNFZ4mrze8BI0VniQ", max_length = 2048)]
    pub id: String,
    /// The same.
    #[schema(example = "q83vASNFZ4mrze8BI0VniQ", max_length = 2048)]
    pub raw_id: Option<String>,
    /// Always `public-key`.
    #[schema(example = "public-key", max_length = 32)]
    pub r#type: String,
    /// What the device says.
    pub response: AssertionResponse,
    /// Is it built in? Not looked at.
    #[schema(example = "platform", max_length = 32)]
    pub authenticator_attachment: Option<String>,
    /// What the browser says of extensions; not looked at.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub client_extension_results: Map<String, Value>,
}

impl NewCredential {
    /// The form that is judged. `pointer` is where it stands in the body.
    pub fn checked(&self, pointer: &str) -> Result<RegisterPublicKeyCredential, fault::Error> {
        let id = binary(pointer, "id", &self.id)?;
        is_key(pointer, &self.r#type)?;
        let said = &self.response;
        let form = json!({
            "id": id, "rawId": id, "type": "public-key",
            "response": {
                "clientDataJSON": binary(pointer, "response/clientDataJSON", &said.client_data_json)?,
                "attestationObject": binary(pointer, "response/attestationObject", &said.attestation_object)?,
                "transports": said.transports.iter().take(10).collect::<Vec<_>>(),
            },
        });
        serde_json::from_value(form).map_err(|error| fault::Error::invalid(pointer, error.to_string()))
    }
}

impl Assertion {
    /// The form that is judged. `pointer` is where it stands in the body.
    pub fn checked(&self, pointer: &str) -> Result<PublicKeyCredential, fault::Error> {
        let id = binary(pointer, "id", &self.id)?;
        is_key(pointer, &self.r#type)?;
        let said = &self.response;
        let handle = said.user_handle.as_deref().filter(|handle| !handle.is_empty());
        let handle = handle
            .map(|handle| binary(pointer, "response/userHandle", handle))
            .transpose()?;
        let form = json!({
            "id": id, "rawId": id, "type": "public-key",
            "response": {
                "clientDataJSON": binary(pointer, "response/clientDataJSON", &said.client_data_json)?,
                "authenticatorData": binary(pointer, "response/authenticatorData", &said.authenticator_data)?,
                "signature": binary(pointer, "response/signature", &said.signature)?,
                "userHandle": handle,
            },
        });
        serde_json::from_value(form).map_err(|error| fault::Error::invalid(pointer, error.to_string()))
    }
}

fn is_key(pointer: &str, kind: &str) -> Result<(), fault::Error> {
    if kind == "public-key" {
        return Ok(());
    }
    Err(fault::Error::invalid(format!("{pointer}/type"), "must be `public-key`"))
}

/// The text, if it is base64url; some browsers pad it.
fn binary<'a>(pointer: &str, field: &str, text: &'a str) -> Result<&'a str, fault::Error> {
    let plain = text.trim_end_matches('=');
    if plain.len() <= MOST && !plain.is_empty() && URL_SAFE_NO_PAD.decode(plain).is_ok() {
        return Ok(plain);
    }
    Err(fault::Error::invalid(
        format!("{pointer}/{field}"),
        "must be base64url of at most 24 KiB, and not empty",
    ))
}
