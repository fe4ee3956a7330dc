//! What a tenant asks of its people: which factors, how fresh, for how long, and what passwords look like.

use auth::action::policy;
use auth::{Action, Binding, Info, Owed, Place};
use chrono::{DateTime, TimeDelta, Utc};
use db::Resource;
use fault::FieldError;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::factor::Kind;
use crate::factor::passkey::Attestation;
use crate::password::Rules;
use crate::session::Lifetimes;
use crate::signin::Method;

/// Minutes a factor is fresh enough, where a tenant has not said otherwise.
pub const STEP_UP_MINUTES: u16 = 15;
/// A session that is used is heard of every five minutes; less than thrice that would end some that are.
pub const LEAST_IDLE_MINUTES: u32 = 15;

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Nobody must.
    Optional,
    /// Whoever carries anything that asks for a factor shown of late.
    Privileged,
    /// Everybody must.
    Everyone,
}

impl SecondFactor {
    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Privileged => "privileged",
            Self::Everyone => "everyone",
        }
    }

    /// From what is kept. A word of a newer release is taken for the strictest.
    pub fn stored(name: &str) -> Self {
        match name {
            "optional" => Self::Optional,
            "privileged" => Self::Privileged,
            _ => Self::Everyone,
        }
    }
}

/// The rules of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whose.
    pub tenant: TenantId,
    /// For how many minutes a factor is fresh; 0: for ever.
    pub step_up_minutes: u16,
    /// Who must have a second factor.
    pub second_factor: SecondFactor,
    /// The kinds that count; empty: all.
    pub factor_kinds: Vec<Kind>,
    /// The weaker kinds that people may have. They never count where a factor is asked for.
    pub weaker_factors: Vec<Kind>,
    /// What is asked of passkeys that are added.
    pub attestation: Attestation,
    /// Minutes without use after which a session ends; none: the operator's.
    pub session_idle_minutes: Option<u32>,
    /// Hours after which a session ends, however much it is used; none: the operator's.
    pub session_hours: Option<u32>,
    /// What passwords look like.
    pub password: Rules,
    /// Counts its changes.
    pub generation: i64,
    /// When it was last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Resource for Policy {
    const NAME: &'static str = "policy";
    const READ: &'static Info = policy::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// What a session has shown, and its person has.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// What the person carries.
    pub bindings: &'a [Binding],
    /// The methods by which the session was begun, and confirmed since.
    pub methods: &'a [String],
    /// The kinds of their confirmed factors.
    pub has: &'a [String],
    /// Had the password come of age when the session began?
    pub password_due: bool,
}

impl Policy {
    /// The rules of a tenant that has made none.
    pub fn usual(tenant: TenantId) -> Self {
        Self {
            tenant,
            step_up_minutes: STEP_UP_MINUTES,
            second_factor: SecondFactor::Optional,
            factor_kinds: Vec::new(),
            weaker_factors: Vec::new(),
            attestation: Attestation::None,
            session_idle_minutes: None,
            session_hours: None,
            password: Rules::default(),
            generation: 1,
            updated_at: None,
        }
    }

    /// The kinds of factor that count.
    pub fn kinds(&self) -> Vec<Kind> {
        if self.factor_kinds.is_empty() {
            Kind::FACTORS.to_vec()
        } else {
            self.factor_kinds.clone()
        }
    }

    /// Does this kind count, itself or as a stand-in?
    pub fn counts(&self, kind: Kind) -> bool {
        kind == Kind::Recovery || self.kinds().contains(&kind)
    }

    /// May people have a factor of this kind, for the second half of a sign-in? Of the strong ones they may have any: one
    /// that does not count is still more than none.
    pub fn allows(&self, kind: Kind) -> bool {
        !kind.is_weaker() || self.weaker_factors.contains(&kind)
    }

    /// Must somebody who carries this have a second factor? Conditions do not count: they may hold tomorrow.
    pub fn asks_factor_of(&self, bindings: &[Binding]) -> bool {
        match self.second_factor {
            SecondFactor::Optional => false,
            SecondFactor::Privileged => bindings.iter().any(Binding::is_privileged),
            SecondFactor::Everyone => true,
        }
    }

    /// Has somebody with factors of these kinds one that counts?
    pub fn is_met_by(&self, has: &[String]) -> bool {
        self.kinds()
            .iter()
            .any(|kind| has.iter().any(|name| name == kind.name()))
    }

    /// What a session owes before it is good for anything else. That its person has a factor by now is not enough: it must
    /// have been shown in this session, which may be that of a thief who was there first.
    pub fn owes(&self, of: &Shown<'_>) -> Vec<Owed> {
        let counted = Kind::FACTORS
            .iter()
            .chain(&[Kind::Recovery])
            .filter(|kind| self.counts(**kind));
        let shown = counted
            .map(|kind| Method::Factor(*kind).name())
            .any(|name| of.methods.iter().any(|method| method == name));
        // Shown at a provider that the tenant believes of that.
        let elsewhere = of.methods.iter().any(|method| method == Method::ProviderFactor.name());
        let lacks = self.asks_factor_of(of.bindings) && !elsewhere && !(shown && self.is_met_by(of.has));
        let due = of.password_due.then_some(Owed::Password);
        due.into_iter().chain(lacks.then_some(Owed::Factor)).collect()
    }

    /// For how long a factor is fresh; none: for ever.
    pub fn step_up(&self) -> Option<u16> {
        Some(self.step_up_minutes).filter(|minutes| *minutes > 0)
    }

    /// How long sessions live: never longer than the operator lets them.
    pub fn lifetimes(&self, most: Lifetimes) -> Lifetimes {
        let idle = self
            .session_idle_minutes
            .map(|minutes| TimeDelta::minutes(i64::from(minutes)));
        let all = self.session_hours.map(|hours| TimeDelta::hours(i64::from(hours)));
        Lifetimes {
            idle: idle.map_or(most.idle, |idle| idle.min(most.idle)),
            most: all.map_or(most.most, |all| all.min(most.most)),
        }
    }
}

/// A number from a range, or a complaint that names the range.
pub fn within(pointer: &str, value: i64, (least, most): (i64, i64)) -> Result<i64, FieldError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(FieldError::new(pointer, format!("must be {least} to {most}")))
}

/// Kinds of factor that count, as they were named.
pub fn check_kinds(pointer: &str, names: &[String]) -> Result<Vec<Kind>, FieldError> {
    let all: Vec<&str> = Kind::FACTORS.iter().map(|kind| kind.name()).collect();
    let rule = || FieldError::new(pointer, format!("must name one or more of: {}", all.join(", ")));
    let mut kinds: Vec<Kind> = names
        .iter()
        .map(|name| Kind::named(name))
        .collect::<Option<_>>()
        .ok_or_else(rule)?;
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { Err(rule()) } else { Ok(kinds) }
}

/// Weaker kinds of factor that people may have, among those that this platform can send codes by.
pub fn check_weaker(pointer: &str, names: &[String], known: &[Kind]) -> Result<Vec<Kind>, FieldError> {
    let there: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
    let mut kinds = Vec::new();
    for name in names {
        let kind = Kind::weaker(name).filter(|kind| known.contains(kind)).ok_or_else(|| {
            let rule = match there.as_slice() {
                [] => "must be empty: this platform sends no codes; ask its operator".to_owned(),
                there => format!("must name none or more of: {}", there.join(", ")),
            };
            FieldError::new(pointer, rule)
        })?;
        kinds.push(kind);
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use super::*;

    fn policy(second_factor: SecondFactor) -> Policy {
        Policy {
            second_factor,
            ..Policy::usual(TenantId::mint())
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn t14_a_factor_must_be_had_and_shown_where_one_is_asked_for() {
        let viewer = [Binding::role(Role::Viewer, None)];
        let admin = [Binding::role(Role::Admin, None)];
        for (rule, bindings, methods, has, owes) in [
            (SecondFactor::Optional, &admin, &["pwd"][..], &[][..], false),
            (SecondFactor::Privileged, &viewer, &["pwd"], &[], false),
            (SecondFactor::Privileged, &admin, &["pwd"], &[], true),
            (SecondFactor::Everyone, &viewer, &["pwd"], &[], true),
            (SecondFactor::Everyone, &viewer, &["pwd"], &["totp"], true),
            (SecondFactor::Everyone, &viewer, &["pwd", "otp"], &["totp"], false),
            (SecondFactor::Everyone, &viewer, &["pwd", "recovery"], &["totp"], false),
            (SecondFactor::Everyone, &viewer, &["pwd", "otp"], &[], true),
            (SecondFactor::Everyone, &viewer, &["pop"], &["webauthn"], false),
            (SecondFactor::Everyone, &viewer, &["pwd", "pop"], &["webauthn"], false),
            // The weaker ones never count, nor do written codes make them.
            (SecondFactor::Everyone, &viewer, &["pwd", "sms"], &["sms"], true),
            (SecondFactor::Everyone, &viewer, &["pwd", "email"], &["email"], true),
            (
                SecondFactor::Everyone,
                &viewer,
                &["pwd", "sms", "recovery"],
                &["sms"],
                true,
            ),
            (SecondFactor::Everyone, &viewer, &["pwd", "sms"], &["sms", "totp"], true),
            (
                SecondFactor::Everyone,
                &viewer,
                &["pwd", "sms", "otp"],
                &["sms", "totp"],
                false,
            ),
        ] {
            let (methods, has) = (names(methods), names(has));
            let shown = Shown {
                bindings,
                methods: &methods,
                has: &has,
                password_due: false,
            };
            let expected = if owes { vec![Owed::Factor] } else { vec![] };
            assert_eq!(
                policy(rule).owes(&shown),
                expected,
                "{rule:?} {bindings:?} {methods:?} {has:?}"
            );
        }
    }

    #[test]
    fn the_password_comes_first() {
        let shown = Shown {
            bindings: &[],
            methods: &[],
            has: &[],
            password_due: true,
        };
        assert_eq!(
            policy(SecondFactor::Everyone).owes(&shown),
            [Owed::Password, Owed::Factor]
        );
        assert_eq!(policy(SecondFactor::Optional).owes(&shown), [Owed::Password]);
    }

    #[test]
    fn whoever_manages_people_or_what_the_log_keeps_is_privileged_and_whoever_looks_is_not() {
        let is = |role| Binding::role(role, None).is_privileged();
        assert!(is(Role::Owner) && is(Role::Admin) && is(Role::PlatformOperator));
        assert!(is(Role::Auditor), "it lifts holds, and decides when content is erased");
        assert!(!is(Role::Operator) && !is(Role::Viewer));
    }

    #[test]
    fn a_tenant_shortens_sessions_and_never_prolongs_them() {
        let most = Lifetimes {
            idle: TimeDelta::hours(24),
            most: TimeDelta::days(30),
        };
        let short = Policy {
            session_idle_minutes: Some(30),
            session_hours: Some(8),
            ..policy(SecondFactor::Optional)
        };
        let lives = short.lifetimes(most);
        assert_eq!((lives.idle, lives.most), (TimeDelta::minutes(30), TimeDelta::hours(8)));
        let long = Policy {
            session_idle_minutes: Some(10_000),
            session_hours: Some(8_000),
            ..short
        };
        let lives = long.lifetimes(most);
        assert_eq!((lives.idle, lives.most), (most.idle, most.most));
    }

    #[test]
    fn what_a_newer_release_wrote_is_taken_strictly() {
        assert_eq!(SecondFactor::stored("always"), SecondFactor::Everyone);
        assert!(check_kinds("/factor_kinds", &names(&["recovery"])).is_err());
        assert!(check_kinds("/factor_kinds", &[]).is_err());
    }

    #[test]
    fn t14_a_weaker_factor_is_had_only_where_it_is_allowed_and_counts_nowhere() {
        let usual = policy(SecondFactor::Optional);
        assert!(!usual.allows(Kind::Sms) && !usual.allows(Kind::Email) && usual.allows(Kind::Totp));
        let lax = Policy {
            weaker_factors: vec![Kind::Sms],
            ..usual
        };
        assert!(lax.allows(Kind::Sms) && !lax.allows(Kind::Email));
        assert!(!lax.counts(Kind::Sms) && !lax.is_met_by(&names(&["sms", "email"])));
        for bad in ["sms", "email"] {
            assert!(check_kinds("/factor_kinds", &names(&[bad, "totp"])).is_err());
        }
        let check = |given: &[&str], known| check_weaker("/weaker_factors", &names(given), known);
        assert_eq!(
            check(&["email", "sms", "email"], Kind::WEAKER),
            Ok(vec![Kind::Sms, Kind::Email])
        );
        assert_eq!(check(&[], &[]), Ok(vec![]));
        assert!(check(&["sms"], &[Kind::Email]).is_err() && check(&["totp"], Kind::WEAKER).is_err());
        assert!(check(&["sms"], &[]).unwrap_err().detail.contains("operator"));
    }
}
