//! A device that makes and shows passkeys: Web Authentication's other side, as far as the tests need it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::uuid::Uuid;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{Client, Reply};

use super::{Owner, PASSWORD, Test};

pub(crate) const ORIGIN: &str = "https://localhost:8443";
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// CBOR: a head and its bytes.
fn cbor(major: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let mut out = vec![major << 5 | 0x19, length[0], length[1]];
    out.extend(body);
    out
}

fn cbor_text(text: &str) -> Vec<u8> {
    cbor(3, text.as_bytes())
}

/// Who vouches for a device: the maker's certificate for its model.
pub(crate) struct Maker {
    pub root_pem: String,
    certificate: Vec<u8>,
    key: rcgen::KeyPair,
}

impl Maker {
    /// Vouches for devices of this model.
    pub fn of(model: Uuid) -> Self {
        let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        root.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        root.distinguished_name.push(rcgen::DnType::CommonName, "Maker's root");
        let root_key = rcgen::KeyPair::generate().unwrap();
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(root, root_key);

        let mut leaf = rcgen::CertificateParams::new(Vec::new()).unwrap();
        leaf.is_ca = rcgen::IsCa::ExplicitNoCa;
        for (kind, name) in [
            (rcgen::DnType::CountryName, "SE"),
            (rcgen::DnType::OrganizationName, "Maker"),
            (rcgen::DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (rcgen::DnType::CommonName, "Model"),
        ] {
            leaf.distinguished_name.push(kind, name);
        }
        let mut named = vec![0x04, 16];
        named.extend(model.as_bytes());
        let which = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], named);
        leaf.custom_extensions.push(which);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self {
            root_pem,
            certificate,
            key,
        }
    }

    fn vouch(&self, message: &[u8]) -> Vec<u8> {
        let signature = rcgen::SigningKey::sign(&self.key, message).unwrap();
        let mut statement = vec![0xa3];
        statement.extend([cbor_text("alg"), vec![0x26]].concat());
        statement.extend([cbor_text("sig"), cbor(2, &signature)].concat());
        statement.extend([cbor_text("x5c"), vec![0x81], cbor(2, &self.certificate)].concat());
        statement
    }
}

/// A device with one key.
pub(crate) struct Device {
    key: EcdsaKeyPair,
    pub id: Vec<u8>,
    user: Vec<u8>,
    model: Uuid,
    /// Where the browser is.
    pub origin: String,
    /// Does it verify its holder?
    pub verifies: bool,
    /// How often the key was shown; 0: it does not count.
    pub counter: u32,
}

impl Device {
    pub fn new() -> Self {
        Self::of(Uuid::nil())
    }

    pub fn of(model: Uuid) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: crypto::random::<32>().to_vec(),
            user: Vec::new(),
            model,
            origin: ORIGIN.to_owned(),
            verifies: true,
            counter: 1,
        }
    }

    fn seen(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let seen = json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false});
        serde_json::to_vec(&seen).unwrap()
    }

    fn data(&self, domain: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = sha256(domain.as_bytes()).to_vec();
        data.push(PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Answers a question to make a key; `toJSON` of what the browser would say.
    pub fn make(&mut self, options: &Value, maker: Option<&Maker>) -> Value {
        self.user = bytes(&options["user"]["id"]);
        let seen = self.seen("webauthn.create", &options["challenge"]);
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), HAS_KEY);
        data.extend(self.model.as_bytes());
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        // COSE: an EC2 key for ES256 on P-256, x and y.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        let (format, statement) = match maker {
            Some(maker) => ("packed", maker.vouch(&[&data[..], &sha256(&seen)].concat())),
            None => ("none", vec![0xa0]),
        };
        let mut object = vec![0xa3];
        object.extend([cbor_text("fmt"), cbor_text(format)].concat());
        object.extend([cbor_text("attStmt"), statement].concat());
        object.extend([cbor_text("authData"), cbor(2, &data)].concat());
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {"credProps": {"rk": true}},
            "response": {
                "clientDataJSON": text(&seen), "attestationObject": text(&object), "transports": ["internal"],
                "authenticatorData": text(&data), "publicKeyAlgorithm": -7,
            },
        })
    }

    /// Answers a question to show the key.
    pub fn show(&mut self, options: &Value) -> Value {
        if self.counter > 0 {
            self.counter += 1;
        }
        let seen = self.seen("webauthn.get", &options["challenge"]);
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let message = [&data[..], &sha256(&seen)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&seen), "authenticatorData": text(&data),
                "signature": text(signature.as_ref()), "userHandle": text(&self.user),
            },
        })
    }
}

/// A person with a passkey, as they see it.
pub(crate) struct Keyed {
    /// Signed in, with the passkey shown.
    pub client: Client,
    pub device: Device,
    /// The factor's id.
    pub factor: String,
    /// What they wrote down.
    pub codes: Vec<String>,
}

impl Test {
    /// Signs in with the password alone and adds a passkey.
    pub async fn add_passkey(&self, owner: &Owner) -> Keyed {
        let tokens = self.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = self.enter_now(&tokens).await;
        let mut device = Device::new();
        let made = add(&client, &mut device).await.expect(201).json;
        let codes = made["recovery_codes"].as_array().unwrap().iter();
        Keyed {
            client: self.enter_now(&tokens).await,
            device,
            factor: made["factor"]["id"].as_str().unwrap().to_owned(),
            codes: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// What a device is asked at the door: the ceremony and the options.
    pub async fn ask_at_the_door(&self) -> (Value, Value) {
        let path = "/api/v1/auth/passkey:begin";
        let mut asked = self.client.post(path, json!({})).await.expect(200).json;
        (asked["ceremony"].take(), asked["public_key"].take())
    }

    /// Shows a passkey at the door.
    pub async fn show_at_the_door(&self, device: &mut Device) -> Reply {
        let (ceremony, options) = self.ask_at_the_door().await;
        let body = json!({"ceremony": ceremony, "credential": device.show(&options)});
        self.client.post("/api/v1/auth/passkey", body).await
    }

    /// What a device is asked as second factor.
    pub async fn ask_as_second(&self, challenge: &str) -> (Value, Value) {
        let path = "/api/v1/auth/mfa/webauthn:begin";
        let body = json!({"challenge": challenge});
        let mut asked = self.client.post(path, body).await.expect(200).json;
        (asked["ceremony"].take(), asked["public_key"].take())
    }

    /// Shows what a device answers as second factor.
    pub async fn show_key(&self, challenge: &str, ceremony: &Value, credential: &Value) -> Reply {
        let body = json!({"challenge": challenge, "ceremony": ceremony, "credential": credential});
        self.client.post("/api/v1/auth/mfa/webauthn", body).await
    }
}

/// Adds a device's key for whoever is signed in.
pub(crate) async fn add(client: &Client, device: &mut Device) -> Reply {
    let begun = client.post("/api/v1/me/mfa/webauthn", json!({})).await.expect(200).json;
    let credential = device.make(&begun["public_key"], None);
    let body = json!({"ceremony": begun["ceremony"], "name": "Laptop", "credential": credential});
    client.post("/api/v1/me/mfa/webauthn:confirm", body).await
}
