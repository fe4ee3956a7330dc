//! Which controls of which standards this platform answers, and how it shows that.
//!
//! A control is shown either by what the log can see of itself now, or by a test of the platform's own, by name. What another
//! service would have to be asked, and what no program can show, is not assessed: nothing here says more than it knows.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::retention::{LEAST, Retention};
use crate::store::checkpoints::Signed;
use crate::store::compliance::Facts;

/// How far back is counted.
pub const WINDOW: TimeDelta = TimeDelta::days(30);
/// So long may an entry wait for its checkpoint, and a checkpoint for its witnesses.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

const GDPR: &str = "GDPR";
const MLPS: &str = "GB/T 22239-2019";

/// Something that must be shown.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    /// Its name here.
    pub id: &'static str,
    /// Of which standard.
    pub standard: &'static str,
    /// Its place in it, and what it is about.
    pub title: &'static str,
    /// How it is shown.
    pub shown: Shown,
}

/// How a control is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// By what the log sees of itself now.
    Live(Query),
    /// By a test of the platform's, that runs before each release.
    Test(&'static str),
    /// Not here.
    Elsewhere(&'static str),
}

/// What the log is asked.
#[derive(Debug, Clone, Copy)]
pub enum Query {
    /// Is every entry covered by a signed checkpoint?
    Signed,
    /// Have witnesses cosigned what is newest?
    Witnessed,
    /// How long is what entries tell kept?
    Retention,
    /// Are refusals recorded?
    Refusals,
    /// Are sign-ins recorded?
    SignIns,
    /// What did platform operators do in the tenant's content?
    Operators,
}

/// Can it be shown?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is so now.
    Met,
    /// It is not so now.
    NotMet,
    /// Nothing here can tell now.
    NotAssessed,
}

const fn control(id: &'static str, standard: &'static str, title: &'static str, shown: Shown) -> Control {
    Control {
        id,
        standard,
        title,
        shown,
    }
}

/// All of them.
pub const CONTROLS: [Control; 20] = [
    control(
        "gdpr-5-1-f",
        GDPR,
        "5(1)(f) Integrity: the log is signed for",
        Shown::Live(Query::Signed),
    ),
    control(
        "gdpr-15",
        GDPR,
        "15 Right of access",
        Shown::Test("every_table_that_names_a_person_is_in_the_export_or_left_out_with_a_reason"),
    ),
    control(
        "gdpr-17",
        GDPR,
        "17 Right to erasure, in the log",
        Shown::Test("an_export_of_what_was_erased_verifies_and_tells_no_more"),
    ),
    control(
        "gdpr-20",
        GDPR,
        "20 Right to data portability",
        Shown::Test("every_table_that_names_a_person_is_in_the_export_or_left_out_with_a_reason"),
    ),
    control(
        "gdpr-25",
        GDPR,
        "25 Data protection by design",
        Shown::Test("t03_row_security_stands_on_every_tenant_table"),
    ),
    control(
        "gdpr-30",
        GDPR,
        "30 Records of processing activities",
        Shown::Test("every_table_with_something_secret_or_personal_says_why_how_long_for_whom_and_how_it_goes"),
    ),
    control(
        "gdpr-32",
        GDPR,
        "32 Security of processing: witnesses cosign the log",
        Shown::Live(Query::Witnessed),
    ),
    control(
        "gdpr-33",
        GDPR,
        "33 Notification of a breach: attempts are found",
        Shown::Live(Query::Refusals),
    ),
    control(
        "gdpr-33-3",
        GDPR,
        "33(3) Notification of a breach: what is to be told",
        Shown::Test("a_breach_pack_has_all_that_was_planted_and_nothing_else_well_within_an_hour"),
    ),
    control(
        "mlps3-8.1.4.1",
        MLPS,
        "8.1.4.1 Identification and authentication: sign-ins are recorded",
        Shown::Live(Query::SignIns),
    ),
    control(
        "mlps3-8.1.4.2",
        MLPS,
        "8.1.4.2 Access control",
        Shown::Test("each_operation_lets_in_exactly_whom_its_row_names"),
    ),
    control(
        "mlps3-8.1.4.3-ab",
        MLPS,
        "8.1.4.3 a, b Security audit: everybody, with time, kind and end",
        Shown::Live(Query::Refusals),
    ),
    control(
        "mlps3-8.1.4.3-c",
        MLPS,
        "8.1.4.3 c Security audit: records are protected",
        Shown::Live(Query::Signed),
    ),
    control(
        "mlps3-8.1.4.4",
        MLPS,
        "8.1.4.4 Protection from intrusion",
        Shown::Elsewhere("scans and advisories are of the installation"),
    ),
    control(
        "mlps3-8.1.4.7",
        MLPS,
        "8.1.4.7 Data integrity: witnesses cosign the log",
        Shown::Live(Query::Witnessed),
    ),
    control(
        "mlps3-8.1.4.8",
        MLPS,
        "8.1.4.8 Data confidentiality",
        Shown::Test("t24_neither_secret_nor_code_nor_challenge_is_in_the_database"),
    ),
    control(
        "mlps3-8.1.4.9",
        MLPS,
        "8.1.4.9 Backup and recovery",
        Shown::Elsewhere("drills are of the installation"),
    ),
    control(
        "mlps3-8.1.4.11",
        MLPS,
        "8.1.4.11 Personal information",
        Shown::Test("every_table_that_names_a_person_is_in_the_export_or_left_out_with_a_reason"),
    ),
    control(
        "mlps3-8.1.5",
        MLPS,
        "8.1.5 Security management centre: logs are kept for half a year",
        Shown::Live(Query::Retention),
    ),
    control(
        "mlps3-8.2",
        MLPS,
        "8.2 Cloud: access by the provider is recorded",
        Shown::Live(Query::Operators),
    ),
];

/// What is known when controls are looked at.
#[derive(Debug, Clone)]
pub struct Known {
    /// When.
    pub now: DateTime<Utc>,
    /// Of the log.
    pub facts: Facts,
    /// The newest checkpoints, newest first.
    pub newest: Vec<Signed>,
    /// How many witnesses cosigned the register of all logs with one of those of the last minute in it.
    pub registered: usize,
    /// What the tenant decided.
    pub retention: Retention,
    /// Legal holds that are on.
    pub holds: i64,
}

/// What was asked, and what came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Can it be shown?
    pub status: Status,
    /// What was asked.
    pub query: String,
    /// What came out.
    pub result: Value,
}

impl Control {
    /// Looks.
    pub fn look(&self, known: &Known) -> Evidence {
        match self.shown {
            Shown::Live(query) => query.ask(known),
            Shown::Test(name) => Evidence {
                status: Status::NotAssessed,
                query: format!("by test: {name}"),
                result: Value::Null,
            },
            Shown::Elsewhere(why) => Evidence {
                status: Status::NotAssessed,
                query: format!("not by this platform: {why}"),
                result: Value::Null,
            },
        }
    }
}

impl Query {
    const fn text(self) -> &'static str {
        match self {
            Self::Signed => "is every entry of the log covered by a signed checkpoint, within a minute?",
            Self::Witnessed => {
                "have witnesses cosigned a checkpoint of the last minute before the newest, or the register of all logs with one in it?"
            }
            Self::Retention => "are records kept for at least 180 days?",
            Self::Refusals => "are refused attempts in the log? (last 30 days, counted up to 10,000)",
            Self::SignIns => "are sign-ins and factors asked for in the log? (last 30 days, counted up to 10,000)",
            Self::Operators => {
                "what did platform operators do in the tenant's content? (last 30 days, counted up to 10,000)"
            }
        }
    }

    fn ask(self, known: &Known) -> Evidence {
        let facts = &known.facts;
        let newest = known.newest.first();
        let (status, result) = match self {
            Self::Signed => {
                let waits = facts.waits_since.is_some_and(|since| known.now - since > PATIENCE);
                let status = if waits { Status::NotMet } else { counted(facts.entries) };
                let covered = newest.map_or(0, |signed| signed.size);
                (
                    status,
                    json!({"entries": facts.entries, "covered": covered, "waits_since": facts.waits_since}),
                )
            }
            Self::Witnessed => {
                let recent = recent(&known.newest).map(|signed| signed.cosigned.len());
                let witnesses = recent.max().unwrap_or_default();
                let status = match (newest, witnesses + known.registered) {
                    (None, _) => Status::NotAssessed,
                    (Some(_), 0) => Status::NotMet,
                    (Some(_), _) => Status::Met,
                };
                (
                    status,
                    json!({"witnesses": witnesses, "witnesses_of_register": known.registered}),
                )
            }
            Self::Retention => {
                let days = i64::from(known.retention.days);
                let status = if days >= LEAST { Status::Met } else { Status::NotMet };
                (status, json!({"days": days, "holds": known.holds}))
            }
            Self::Refusals => (counted(facts.refused), json!({"refused": facts.refused})),
            Self::SignIns => {
                let result = json!({"sign_ins": facts.sign_ins, "factors_asked_for": facts.challenges});
                (counted(facts.sign_ins), result)
            }
            Self::Operators => (counted(facts.operators), json!({"entries": facts.operators})),
        };
        Evidence {
            status,
            query: self.text().to_owned(),
            result,
        }
    }
}

/// Of checkpoints, newest first, those of the last minute before the newest.
pub fn recent(newest: &[Signed]) -> impl Iterator<Item = &Signed> {
    let since = newest.first().map(|signed| signed.created_at - PATIENCE);
    newest.iter().filter(move |signed| Some(signed.created_at) >= since)
}

/// What is in the log shows that it gets there; where there is nothing, nothing is shown.
const fn counted(entries: i64) -> Status {
    if entries > 0 { Status::Met } else { Status::NotAssessed }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn known() -> Known {
        Known {
            now: DateTime::UNIX_EPOCH + TimeDelta::days(1),
            facts: Facts::default(),
            newest: Vec::new(),
            registered: 0,
            retention: Retention::default(),
            holds: 0,
        }
    }

    fn sources(folder: &Path, all: &mut String) {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                sources(&path, all);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_test_that_is_named_is_there_and_every_control_has_a_name_of_its_own() {
        let mut all = String::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for part in ["libs", "services"] {
            sources(&root.join(part), &mut all);
        }
        let ids: BTreeSet<&str> = CONTROLS.iter().map(|control| control.id).collect();
        assert_eq!(ids.len(), CONTROLS.len());
        for control in CONTROLS {
            if let Shown::Test(name) = control.shown {
                assert!(all.contains(&format!("fn {name}(")), "{name}");
            }
        }
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        for control in CONTROLS {
            let seen = control.look(&known());
            let decided = matches!(control.shown, Shown::Live(Query::Retention));
            assert_eq!(seen.status == Status::Met, decided, "{}", control.id);
            assert_eq!(seen.result.is_null(), !matches!(control.shown, Shown::Live(_)));
        }
    }

    #[test]
    fn an_entry_that_waits_too_long_is_a_log_that_is_not_signed() {
        let with = |seconds| Known {
            facts: Facts {
                entries: 5,
                waits_since: Some(known().now - TimeDelta::seconds(seconds)),
                ..Facts::default()
            },
            ..known()
        };
        assert_eq!(Query::Signed.ask(&with(59)).status, Status::Met);
        assert_eq!(Query::Signed.ask(&with(61)).status, Status::NotMet);
    }
}
