use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LEAST, LEAST_MIXED, Refused};

/// By which standard passwords are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// NIST SP 800-63B-4: length, and nothing that is easily guessed. Good until it is changed.
    #[default]
    Nist,
    /// GB/T 22239-2019, 8.1.4.1 a): several kinds of characters, changed after a time, and none of the last ones again.
    Mlps3,
}

impl Profile {
    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nist => "nist",
            Self::Mlps3 => "mlps3",
        }
    }

    /// From what is kept.
    pub fn stored(name: &str) -> Self {
        if name == Self::Mlps3.name() {
            Self::Mlps3
        } else {
            Self::Nist
        }
    }

    /// How many characters, of how many kinds.
    pub const fn form(self) -> (usize, u8) {
        match self {
            Self::Nist => (LEAST, 1),
            Self::Mlps3 => (LEAST_MIXED, 3),
        }
    }

    /// Has the text the form it asks for?
    pub(super) fn judge(self, text: &str) -> Result<(), Refused> {
        let length = text.chars().count();
        match self {
            Self::Nist if length < LEAST => Err(Refused::Short),
            Self::Mlps3 if length < LEAST_MIXED || kinds(text) < 3 => Err(Refused::Uniform),
            Self::Nist | Self::Mlps3 => Ok(()),
        }
    }
}

/// How many of four kinds of characters there are. Letters of scripts without capitals are of the fourth.
fn kinds(text: &str) -> usize {
    let other = |c: char| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit();
    let kinds: [&dyn Fn(char) -> bool; 4] = [
        &char::is_lowercase,
        &char::is_uppercase,
        &|c| c.is_ascii_digit(),
        &other,
    ];
    kinds.iter().filter(|kind| text.chars().any(kind)).count()
}

/// What a tenant asks of passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// By which standard.
    pub profile: Profile,
    /// Under `mlps3`: days after which a password is changed.
    pub days: u16,
    /// Under `mlps3`: how many of the last passwords are not chosen again, the present one among them.
    pub history: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            profile: Profile::Nist,
            days: 90,
            history: 5,
        }
    }
}

impl Rules {
    /// Is it time to change a password that was chosen then?
    pub fn is_due(&self, chosen: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.profile == Profile::Mlps3 && chosen + TimeDelta::days(i64::from(self.days)) <= now
    }

    /// How many of the last passwords cannot be chosen again, the present one among them.
    pub fn history_counts(&self) -> i64 {
        match self.profile {
            Profile::Nist => 0,
            Profile::Mlps3 => i64::from(self.history),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_of_age_under_mlps3_alone() {
        let (chosen, rules) = (DateTime::UNIX_EPOCH, Rules::default());
        let mlps3 = Rules {
            profile: Profile::Mlps3,
            ..rules
        };
        let after = |days| chosen + TimeDelta::days(days);
        assert!(!rules.is_due(chosen, after(10_000)));
        assert!(!mlps3.is_due(chosen, after(89)) && mlps3.is_due(chosen, after(90)));
        assert_eq!((rules.history_counts(), mlps3.history_counts()), (0, 5));
    }
}
