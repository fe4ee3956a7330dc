//! What a consumer could not apply, as the platform's operators see it: what it is about, and never what is in it.

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::{EventId, LetterId, ProjectId, RequestId, TenantId};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: LetterId,
    /// Whose event it is.
    pub tenant: TenantId,
    /// Who could not apply it.
    pub consumer: String,
    pub event: EventId,
    pub kind: String,
    pub version: u32,
    pub subject: String,
    pub project: Option<ProjectId>,
    pub request: Option<RequestId>,
    /// When it happened.
    pub time: DateTime<Utc>,
    pub cause: String,
    pub attempts: u32,
    pub died_at: DateTime<Utc>,
    /// Since when it is to be applied again.
    pub replay_at: Option<DateTime<Utc>>,
}

/// Which letters; what is left out does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub consumer: Option<String>,
    pub kind: Option<String>,
    pub tenant: Option<TenantId>,
    /// Only those that nobody has asked for yet.
    pub waiting: bool,
}

/// Characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 3..=500;

/// Why a letter is given up, in a form that can be read in the log.
pub fn reason(text: &str) -> Result<String, fault::Error> {
    let text = text.trim();
    // Direction overrides make one reason look like another.
    let plain = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if REASON.contains(&text.chars().count()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    let detail = "must be 3 to 500 characters without control characters";
    Err(fault::Error::invalid_fields(vec![FieldError::new("/reason", detail)]))
}

/// The name of a consumer or kind to look for; longer than any is refused.
pub fn name(at: &str, text: Option<&str>) -> Result<Option<String>, fault::Error> {
    let fits = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match text {
        Some(text) if !fits(text) => Err(fault::Error::invalid(at, "must be 1 to 64 visible ASCII characters")),
        text => Ok(text.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_a_name_can_be_one() {
        assert_eq!(reason("  seen by hand ").unwrap(), "seen by hand");
        for junk in ["", "no", "a\nb\nc", "abc\u{202e}", &"x".repeat(501)] {
            assert!(reason(junk).is_err(), "{junk:?}");
        }
        assert_eq!(
            name("?kind", Some("vm.created")).unwrap().as_deref(),
            Some("vm.created")
        );
        for junk in ["", "a b", "é", &"x".repeat(65)] {
            assert!(name("?kind", Some(junk)).is_err(), "{junk:?}");
        }
    }
}
