//! What the tenant asks of its people: wire types and endpoints.

pub mod duties;
pub mod modify_duties;
pub mod modify_password;
pub mod modify_sign_in;
pub mod read_duties;
pub mod read_password;
pub mod read_sign_in;

use chrono::{DateTime, Utc};
use db::Subject;
use ids::uuid::Uuid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::factor::Kind;
use crate::password::Profile;
use crate::policy::{Policy, SecondFactor};
use crate::session::Lifetimes;
use crate::state::Identity;

/// What the tenant asks of whoever signs in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignInPolicyView {
    /// Who must have a second factor: `optional`, `privileged` (whoever carries anything that asks for a factor shown of
    /// late), `everyone`. Who lacks one they must have can do nothing but add it.
    pub second_factor: SecondFactor,
    /// The kinds of second factor that count.
    #[schema(example = json!(["webauthn", "totp"]))]
    pub factor_kinds: Vec<&'static str>,
    /// Every kind there is to choose from. New words may come.
    #[schema(example = json!(["totp"]))]
    pub known_factor_kinds: Vec<&'static str>,
    /// The weaker kinds that people may have as well: codes by SMS and by mail. Whoever has nothing stronger is asked for them at
    /// sign-in; they never count where a second factor is asked for.
    #[schema(example = json!(["sms"]))]
    pub weaker_factors: Vec<&'static str>,
    /// The weaker kinds that there are to choose from: those that the operator has set up. New words may come.
    #[schema(example = json!(["sms", "email"]))]
    pub known_weaker_factors: Vec<&'static str>,
    /// What is asked of passkeys that are added: `none`, or `direct`: that their maker vouches for them, and that they are
    /// of a listed model. Those that are there stay.
    #[schema(example = "none")]
    pub attestation: &'static str,
    /// The models that are taken under `direct`, by AAGUID.
    pub allowed_aaguids: Vec<Uuid>,
    /// Minutes for which a factor is fresh enough for what asks for one; 0: for ever.
    #[schema(example = 15)]
    pub step_up_minutes: u16,
    /// Minutes without use after which a session ends.
    #[schema(example = 1440)]
    pub session_idle_minutes: i64,
    /// Hours after which a session ends, however much it is used.
    #[schema(example = 720)]
    pub session_hours: i64,
    /// The longest that the operator lets sessions live.
    pub most: SessionLimits,
    /// Counts changes of the tenant's policies; also their `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When they were last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
}

/// How long sessions may live.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionLimits {
    /// Minutes without use.
    #[schema(example = 1440)]
    pub session_idle_minutes: i64,
    /// Hours in all.
    #[schema(example = 720)]
    pub session_hours: i64,
}

impl SessionLimits {
    fn of(lives: Lifetimes) -> Self {
        Self {
            session_idle_minutes: lives.idle.num_minutes(),
            session_hours: lives.most.num_hours(),
        }
    }
}

impl SignInPolicyView {
    fn of(policy: &Policy, identity: &Identity) -> Self {
        let most = identity.lifetimes;
        let lives = SessionLimits::of(policy.lifetimes(most));
        let (attestation, models) = policy.attestation.parts();
        Self {
            second_factor: policy.second_factor,
            factor_kinds: policy.kinds().iter().map(|kind| kind.name()).collect(),
            known_factor_kinds: Kind::FACTORS.iter().map(|kind| kind.name()).collect(),
            weaker_factors: policy.weaker_factors.iter().map(|kind| kind.name()).collect(),
            known_weaker_factors: identity.sendable().iter().map(|kind| kind.name()).collect(),
            attestation,
            allowed_aaguids: models.to_vec(),
            step_up_minutes: policy.step_up_minutes,
            session_idle_minutes: lives.session_idle_minutes,
            session_hours: lives.session_hours,
            most: SessionLimits::of(most),
            generation: policy.generation,
            updated_at: policy.updated_at,
        }
    }
}

impl Subject for SignInPolicyView {
    fn object(&self) -> String {
        "policy:sign-in".to_owned()
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}

/// What the tenant asks of passwords.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PasswordPolicyView {
    /// `nist` (NIST SP 800-63B-4): at least 15 characters, none easily guessed, no other rules. `mlps3` (GB/T 22239-2019,
    /// 8.1.4.1 a): at least 10 characters of three of four kinds, changed after `days`, none of the last `history` again.
    pub profile: Profile,
    /// Characters that a password has at least.
    #[schema(example = 15)]
    pub min_length: usize,
    /// Kinds of characters (small and capital letters, digits, others) that it has at least.
    #[schema(example = 1)]
    pub min_kinds: u8,
    /// Under `mlps3`: days after which it must be changed.
    #[schema(example = 90)]
    pub days: u16,
    /// Under `mlps3`: how many of the last ones, the present one among them, cannot be chosen again.
    #[schema(example = 5)]
    pub history: u16,
    /// Counts changes of the tenant's policies; also their `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When they were last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<&Policy> for PasswordPolicyView {
    fn from(policy: &Policy) -> Self {
        let (min_length, min_kinds) = policy.password.profile.form();
        Self {
            profile: policy.password.profile,
            min_length,
            min_kinds,
            days: policy.password.days,
            history: policy.password.history,
            generation: policy.generation,
            updated_at: policy.updated_at,
        }
    }
}

impl Subject for PasswordPolicyView {
    fn object(&self) -> String {
        "policy:password".to_owned()
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}
