//! How long the log keeps what its entries tell, and what is kept whatever that says.

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::AuditHoldId;

/// The least that may be decided: half a year (Cybersecurity Law of China, on network logs; GB/T 22239-2019, 8.1.5).
pub const LEAST: i64 = 180;
/// The most: a hundred years.
pub const MOST: i64 = 36_500;
const DEFAULT: i32 = 365;

/// How long the log keeps what its entries tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub days: i32,
    /// Counts changes.
    pub generation: i64,
    /// When it was last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: DEFAULT,
            generation: 0,
            updated_at: None,
        }
    }
}

/// Days that may be decided.
pub fn check_days(days: i64) -> Result<i32, fault::Error> {
    if days < LEAST {
        let rule = format!("must be at least {LEAST}: logs are kept for half a year by law (GB/T 22239-2019, 8.1.5)");
        return Err(fault::Error::invalid("/days", rule));
    }
    let days = i32::try_from(days).ok().filter(|days| i64::from(*days) <= MOST);
    days.ok_or_else(|| fault::Error::invalid("/days", format!("must be at most {MOST}")))
}

/// While it is on, nothing is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: AuditHoldId,
    /// What it is called.
    pub name: String,
    /// Why it is.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// Until when, and by whom.
    pub lifted: Option<(DateTime<Utc>, String)>,
}

/// A hold to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// What it is called.
    pub name: String,
    /// Why it is.
    pub reason: String,
}

impl NewHold {
    /// Checks both, naming each that cannot be.
    pub fn check(name: &str, reason: &str) -> Result<Self, fault::Error> {
        let text = |pointer: &str, text: &str, most: usize| {
            let trimmed = text.trim();
            let fits = (1..=most).contains(&trimmed.chars().count()) && !trimmed.contains('\0');
            let rule = format!("must have 1 to {most} characters");
            fits.then(|| trimmed.to_owned())
                .ok_or_else(|| FieldError::new(pointer, rule))
        };
        match (text("/name", name, 100), text("/reason", reason, 1_000)) {
            (Ok(name), Ok(reason)) => Ok(Self { name, reason }),
            (name, reason) => {
                let wrong = [name.err(), reason.err()];
                Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_half_a_year_is_refused_with_the_reason() {
        for days in [i64::MIN, -1, 0, 179] {
            let error = check_days(days).unwrap_err().problem();
            assert_eq!(error.errors[0].pointer, "/days");
            assert!(error.errors[0].detail.contains("8.1.5"), "{days}");
        }
        for days in [36_501, i64::MAX] {
            assert!(check_days(days).is_err());
        }
        assert_eq!([check_days(180).unwrap(), check_days(36_500).unwrap()], [180, 36_500]);
    }

    #[test]
    fn a_hold_has_a_name_and_a_reason() {
        assert_eq!(NewHold::check(" a ", "b").unwrap().name, "a");
        let wrong = NewHold::check("", &"x".repeat(1_001)).unwrap_err().problem().errors;
        assert_eq!(wrong.len(), 2);
    }
}
