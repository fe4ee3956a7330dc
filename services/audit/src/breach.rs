//! Of a breach: who is suspected, and what it comes to (GDPR, Art. 33): what they did and read, on what, from where, and whose data it was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::UserId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::entry::{Entry, Opened};

/// So many of each are looked for at once.
const MOST_SUSPECTS: usize = 20;
/// So many of each are told apart; of the rest it is said how many entries there were.
const MOST: usize = 5_000;
/// So many different actions are named of each.
const MOST_ACTIONS: usize = 20;
/// The longest name of somebody.
const LONGEST: usize = 200;

/// Whoever did something as one of these, by one of these or from one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Suspects {
    /// Actors, as entries name them.
    pub actors: Vec<String>,
    /// Credentials, as entries name them; sessions among them.
    pub credentials: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

/// The texts of a query: lists with commas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// `?actor=`
    pub actor: Option<&'a str>,
    /// `?credential=`
    pub credential: Option<&'a str>,
    /// `?session=`
    pub session: Option<&'a str>,
    /// `?ip=`
    pub ip: Option<&'a str>,
}

impl Suspects {
    /// Checks them: at least one, and not too many.
    pub fn check(texts: Texts<'_>) -> Result<Self, fault::Error> {
        let mut wrong = Vec::new();
        let mut take = |name: &str, list: Option<&str>| -> Vec<String> {
            let list: Vec<String> = list
                .into_iter()
                .flat_map(|list| list.split(','))
                .map(str::to_owned)
                .collect();
            let fits = |one: &String| !one.is_empty() && one.len() <= LONGEST && !one.contains('\0');
            if list.len() > MOST_SUSPECTS || !list.iter().all(fits) {
                let must = format!("must be at most {MOST_SUSPECTS}, with commas, of 1 to {LONGEST} bytes each");
                wrong.push(FieldError::new(name, must));
            }
            list
        };
        let actors = take("?actor", texts.actor);
        let mut credentials = take("?credential", texts.credential);
        let sessions = take("?session", texts.session);
        credentials.extend(
            sessions
                .into_iter()
                .map(|id| format!("session:{}", id.trim_start_matches("session:"))),
        );
        let addresses: Vec<_> = take("?ip", texts.ip).iter().map(|ip| ip.parse::<IpAddr>()).collect();
        if addresses.iter().any(Result::is_err) {
            wrong.push(FieldError::new("?ip", "must be addresses, with commas"));
        }
        let addresses: Vec<IpAddr> = addresses.into_iter().flatten().map(|ip| ip.to_canonical()).collect();
        if actors.is_empty() && credentials.is_empty() && addresses.is_empty() {
            let must = "or `credential`, `session` or `ip`: somebody must be suspected";
            wrong.push(FieldError::new("?actor", must));
        }
        if wrong.is_empty() {
            Ok(Self {
                actors,
                credentials,
                addresses,
            })
        } else {
            Err(fault::Error::invalid_fields(wrong))
        }
    }

    /// Is this entry theirs? Its mark may be that of an address, and the address another.
    pub fn did(&self, entry: &Entry, opened: Option<&Opened>) -> bool {
        let by = entry.credential.as_ref();
        let from = opened.and_then(Opened::address);
        self.actors.contains(&entry.actor)
            || by.is_some_and(|by| self.credentials.contains(by))
            || from.is_some_and(|from| self.addresses.contains(&from))
    }
}

/// What entries say of one thing or somebody.
#[derive(Debug, Clone)]
struct Acts {
    entries: u64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    actions: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Tally {
    of: BTreeMap<String, Acts>,
    left_out: u64,
}

impl Tally {
    fn count(&mut self, id: &str, entry: &Entry) {
        if !self.of.contains_key(id) && self.of.len() >= MOST {
            self.left_out += 1;
            return;
        }
        let acts = self.of.entry(id.to_owned()).or_insert_with(|| Acts {
            entries: 0,
            first: entry.time,
            last: entry.time,
            actions: BTreeSet::new(),
        });
        acts.entries += 1;
        acts.first = acts.first.min(entry.time);
        acts.last = acts.last.max(entry.time);
        if acts.actions.len() < MOST_ACTIONS {
            acts.actions.insert(format!("{} {}", entry.action, entry.outcome));
        }
    }

    fn lines(&self, kind: &str, out: &mut Vec<u8>) {
        for (id, acts) in &self.of {
            let said = json!({"id": id, "entries": acts.entries, "first": acts.first, "last": acts.last, "actions": acts.actions});
            line(kind, &said, out);
        }
        if self.left_out > 0 {
            line(kind, &json!({"left_out": self.left_out}), out);
        }
    }
}

/// What it comes to.
#[derive(Debug, Default)]
pub struct Summary {
    /// The entries.
    pub entries: u64,
    /// Of those, so many tell nothing any more.
    pub untold: u64,
    actors: Tally,
    credentials: Tally,
    addresses: Tally,
    objects: Tally,
    subjects: Tally,
}

impl Summary {
    /// Takes an entry in.
    pub fn count(&mut self, entry: &Entry, opened: Option<&Opened>) {
        self.entries += 1;
        self.untold += u64::from(opened.is_none());
        self.actors.count(&entry.actor, entry);
        self.objects.count(&entry.object, entry);
        if let Some(credential) = &entry.credential {
            self.credentials.count(credential, entry);
        }
        if let Some(address) = opened.and_then(Opened::address) {
            self.addresses.count(&address.to_string(), entry);
        }
        let mut subjects: BTreeSet<UserId> = person(&entry.object).into_iter().collect();
        if let Some(opened) = opened {
            persons(None, &opened.content.changes, &mut subjects);
        }
        for subject in subjects {
            self.subjects.count(&format!("user:{subject}"), entry);
        }
    }

    /// The lines that say it.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.actors.lines("actor", out);
        self.credentials.lines("credential", out);
        self.addresses.lines("address", out);
        self.objects.lines("object", out);
        self.subjects.lines("subject", out);
        line("total", &json!({"entries": self.entries, "untold": self.untold}), out);
    }
}

/// A line of this type, which stands first in it.
pub fn line(kind: &str, said: &Value, out: &mut Vec<u8>) {
    let said = said.to_string();
    let rest = said.strip_prefix('{').unwrap_or_default();
    out.extend(format!("{{\"type\":\"{kind}\",{rest}\n").bytes());
}

fn person(text: &str) -> Option<UserId> {
    text.strip_prefix("user:")?.parse().ok()
}

/// Everybody of the tenant's people who is named somewhere in what changed.
fn persons(name: Option<&str>, value: &Value, found: &mut BTreeSet<UserId>) {
    match value {
        Value::String(text) => {
            let named = name.is_some_and(|name| name == "user" || name.ends_with("user_id"));
            found.extend(person(text).or_else(|| text.parse().ok().filter(|_| named)));
        }
        Value::Array(items) => items.iter().for_each(|item| persons(name, item, found)),
        Value::Object(fields) => {
            for (field, value) in fields {
                // What it was and what it is stand one below the field's name.
                let inner = if matches!(field.as_str(), "before" | "after") {
                    name
                } else {
                    Some(field.as_str())
                };
                persons(inner, value, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_are_lists_and_at_least_one() {
        let texts = Texts {
            actor: Some("user:a,user:b"),
            session: Some("one,session:two"),
            ip: Some("::ffff:192.0.2.1"),
            ..Texts::default()
        };
        let suspects = Suspects::check(texts).unwrap();
        assert_eq!(suspects.actors, ["user:a", "user:b"]);
        assert_eq!(suspects.credentials, ["session:one", "session:two"]);
        assert_eq!(suspects.addresses, [IpAddr::from([192, 0, 2, 1])]);
        let many = ["user:a"; 21].join(",");
        for wrong in [
            Texts::default(),
            Texts {
                actor: Some("user:a,"),
                ..Texts::default()
            },
            Texts {
                actor: Some(&many),
                ..Texts::default()
            },
            Texts {
                ip: Some("here"),
                ..Texts::default()
            },
        ] {
            assert!(Suspects::check(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn people_are_found_wherever_they_are_named() {
        let [one, two, three, four] = [(); 4].map(|()| UserId::mint());
        let changes = json!({
            "user_id": {"before": null, "after": one},
            "members": [format!("user:{two}"), "user:nobody"],
            "filter": {"actor": {"exact": format!("user:{three}")}},
            "project_id": {"after": four},
        });
        let mut found = BTreeSet::new();
        persons(None, &changes, &mut found);
        assert_eq!(found, BTreeSet::from([one, two, three]));
    }
}
