//! What a reader of the log looks for.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entry::Opened;

const LONGEST: usize = 512;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// The caller may not.
    Denied,
    /// It could not be done.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        crate::entry::word(match self {
            Self::Success => db::AuditOutcome::Success,
            Self::Denied => db::AuditOutcome::Denied,
            Self::Failed => db::AuditOutcome::Failed,
        })
    }
}

/// The order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Order {
    /// Newest first.
    #[default]
    #[serde(rename = "-created_at")]
    NewestFirst,
    /// Oldest first.
    #[serde(rename = "created_at")]
    OldestFirst,
}

/// A text to be equal to, or to begin with where it ends in `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// It is this.
    pub exact: Option<String>,
    /// It begins with this.
    pub prefix: Option<String>,
}

impl Pattern {
    fn check(name: &str, text: Option<&str>) -> Result<Self, FieldError> {
        let Some(text) = text else { return Ok(Self::default()) };
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(FieldError::new(name, format!("must have 1 to {LONGEST} characters")));
        }
        Ok(match text.strip_suffix('*') {
            Some(prefix) => Self {
                exact: None,
                prefix: Some(prefix.to_owned()),
            },
            None => Self {
                exact: Some(text.to_owned()),
                prefix: None,
            },
        })
    }

    /// Behind everything that begins with the prefix.
    pub fn behind(&self) -> Option<String> {
        self.prefix.as_ref().map(|prefix| format!("{prefix}\u{10ffff}"))
    }
}

/// A checked filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Who.
    pub actor: Pattern,
    /// What.
    pub action: Pattern,
    /// On what.
    pub object: Pattern,
    /// With which end.
    pub outcome: Option<Outcome>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// In which request.
    pub request_id: Option<RequestId>,
}

/// The texts of a query that become patterns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// `?actor=`
    pub actor: Option<&'a str>,
    /// `?action=`
    pub action: Option<&'a str>,
    /// `?object=`
    pub object: Option<&'a str>,
}

impl Filter {
    /// May this be meant, as far as only what it tells can say? Where it tells nothing any more, nobody knows where it is from.
    pub fn admits(&self, opened: Option<&Opened>) -> bool {
        self.ip
            .is_none_or(|ip| opened.and_then(Opened::address) == Some(ip.to_canonical()))
    }

    /// Adds the patterns, naming each text that is none.
    pub fn with(mut self, texts: Texts<'_>) -> Result<Self, fault::Error> {
        let mut wrong = Vec::new();
        let mut take = |name, text| {
            Pattern::check(name, text).unwrap_or_else(|error| {
                wrong.push(error);
                Pattern::default()
            })
        };
        self.actor = take("?actor", texts.actor);
        self.action = take("?action", texts.action);
        self.object = take("?object", texts.object);
        self.ip = self.ip.map(|ip| ip.to_canonical());
        if wrong.is_empty() {
            Ok(self)
        } else {
            Err(fault::Error::invalid_fields(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_makes_a_prefix() {
        let texts = Texts {
            action: Some("vm.*"),
            actor: Some("user:*a"),
            object: None,
        };
        let filter = Filter::default().with(texts).unwrap();
        assert_eq!(filter.action.prefix.as_deref(), Some("vm."));
        assert_eq!(filter.action.behind().as_deref(), Some("vm.\u{10ffff}"));
        assert_eq!(filter.actor.exact.as_deref(), Some("user:*a"));
        assert_eq!(filter.object, Pattern::default());
    }

    #[test]
    fn every_text_that_cannot_be_is_named() {
        let long = "x".repeat(LONGEST + 1);
        let texts = Texts {
            actor: Some(""),
            action: None,
            object: Some(&long),
        };
        let fields = Filter::default().with(texts).unwrap_err().problem().errors;
        let names: Vec<_> = fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(names, ["?actor", "?object"]);
    }
}
