//! Duties that a tenant keeps apart: what stands in the way of that, and what whoever would mix them is told.
//!
//! Which rights belong to which duty is `auth::duty`'s. What holds a tenant to it is constraints on `role_bindings`; what is
//! asked here before them is for the sake of a better answer alone.

use auth::{Duties, Duty};
use ids::BindingId;

use crate::binding::{RoleBinding, Subject};

/// Why somebody's bindings do not go together with duties that are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// One of them combines duties.
    Combines,
    /// A group carries a duty, and its members may hold another.
    ByGroup,
    /// Together they belong to more than one duty.
    Several,
}

/// A binding that carries a duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who carries it.
    pub subject: Subject,
    /// What they are called.
    pub name: String,
    /// The binding.
    pub binding: BindingId,
    /// The role's name.
    pub role: String,
    /// The role's duties, as they are kept.
    pub duty: String,
}

/// Somebody who stands in the way of keeping duties apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// Why.
    pub why: Why,
    /// All that they carry of duties, at least one.
    pub held: Vec<Held>,
}

/// Those who stand in the way, of bindings that are in the order of their subjects.
pub fn in_the_way(bindings: Vec<Held>) -> Vec<InTheWay> {
    let of_one = bindings.chunk_by(|one, next| one.subject == next.subject);
    of_one
        .map(|held| InTheWay {
            why: why(held),
            held: held.to_vec(),
        })
        .collect()
}

fn why(held: &[Held]) -> Why {
    if held.iter().any(|one| one.duty == Duties::Several.name()) {
        Why::Combines
    } else if held.iter().any(|one| one.subject.group().is_some()) {
        Why::ByGroup
    } else {
        Why::Several
    }
}

/// What is told of those in the way; the rest are counted.
const NAMED: usize = 5;

/// Duties can be kept apart, or 409 with what to do first.
pub fn must_be_clear(ways: &[InTheWay], lacking: &[Duty]) -> Result<(), fault::Error> {
    let mut parts = Vec::new();
    for way in ways.iter().take(NAMED) {
        let carried: Vec<_> = way
            .held
            .iter()
            .map(|one| format!("{} (binding {})", one.role, one.binding))
            .collect();
        let who = way.held.first().map(|one| subject(one.subject)).unwrap_or_default();
        parts.push(format!("{who} carries {}", carried.join(" and ")));
    }
    if ways.len() > NAMED {
        parts.push(format!("{} more", ways.len() - NAMED));
    }
    for duty in lacking {
        let role = duty.administrator().name();
        parts.push(format!("nobody who can sign in is {role} without conditions"));
    }
    if parts.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "Duties cannot be kept apart yet: {}. `GET /policies/duties` lists what is in the way.",
        parts.join("; ")
    );
    Err(fault::Error::conflict(detail))
}

fn subject(subject: Subject) -> String {
    match subject {
        Subject::User(id) => format!("user {id}"),
        Subject::Group(id) => format!("group {id}"),
        Subject::ServiceAccount(id) => format!("service account {id}"),
    }
}

const COMBINES: &str =
    "Duties are apart in this tenant, and this role combines several: give roles of one duty, each to somebody else.";
const BY_GROUP: &str =
    "Duties are apart in this tenant: roles that carry one are bound to people and service accounts, not to groups.";
const SECOND: &str =
    "Duties are apart in this tenant, and whoever would carry this holds another already; remove that binding first.";

/// A role of these duties may be bound, or offered, where duties are apart.
pub fn must_be_one(duties: Duties, to: Option<Subject>) -> Result<(), fault::Error> {
    match duties {
        Duties::Several => Err(fault::Error::conflict(COMBINES)),
        Duties::None => Ok(()),
        _ if to.is_some_and(|to| to.group().is_some()) => Err(fault::Error::conflict(BY_GROUP)),
        _ => Ok(()),
    }
}

/// Nothing that somebody holds belongs to another duty, or 409 that names what the caller may know of.
pub fn must_be_free(
    duties: Duties,
    held: &[RoleBinding],
    knows: impl Fn(&RoleBinding) -> bool,
) -> Result<(), fault::Error> {
    let other = |bound: &&RoleBinding| {
        let has = bound.binding.rights.duties();
        has != Duties::None && duties != Duties::None && has != duties
    };
    let others: Vec<_> = held.iter().filter(other).collect();
    if others.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = others
        .into_iter()
        .filter(|bound| knows(bound))
        .take(NAMED)
        .map(|bound| format!("{} by binding {}", bound.binding.rights.name(), bound.id))
        .collect();
    if named.is_empty() {
        return Err(fault::Error::conflict(SECOND));
    }
    Err(fault::Error::conflict(format!("{SECOND} It is {}.", named.join(", "))))
}

/// What the database says to whoever would mix duties, in words; none if it says something else.
pub fn told(error: &db::Error) -> Option<fault::Error> {
    let detail = match error {
        db::Error::Taken(name) if name == "role_bindings_one_duty" => SECOND,
        db::Error::Check(name) if name == "role_bindings_undivided" => COMBINES,
        db::Error::Check(name) if name == "role_bindings_in_person" => BY_GROUP,
        db::Error::Reference(name) if name == "role_bindings_as_the_tenant" => {
            let detail = "Whether duties are apart in this tenant is changing right now; try again.";
            return Some(fault::Error::conflict(detail).retry_after(1));
        }
        _ => return None,
    };
    Some(fault::Error::conflict(detail))
}

#[cfg(test)]
mod tests {
    use ids::{GroupId, UserId};

    use super::*;

    fn held(subject: Subject, role: &str, duty: &str) -> Held {
        Held {
            subject,
            name: "Somebody".to_owned(),
            binding: BindingId::mint(),
            role: role.to_owned(),
            duty: duty.to_owned(),
        }
    }

    #[test]
    fn each_who_stands_in_the_way_is_told_once_and_why() {
        let (ada, bob) = (Subject::User(UserId::mint()), Subject::User(UserId::mint()));
        let crew = Subject::Group(GroupId::mint());
        let ways = in_the_way(vec![
            held(ada, "operator", "system"),
            held(ada, "auditor", "audit"),
            held(bob, "owner", "several"),
            held(crew, "operator", "system"),
        ]);
        let reasons: Vec<_> = ways.iter().map(|way| (way.why, way.held.len())).collect();
        assert_eq!(reasons, [(Why::Several, 2), (Why::Combines, 1), (Why::ByGroup, 1)]);
        let refused = must_be_clear(&ways, &[Duty::Audit]).unwrap_err();
        for word in [
            "operator",
            "auditor",
            "owner",
            "group",
            "nobody who can sign in is auditor",
        ] {
            assert!(refused.detail().contains(word), "{word}: {}", refused.detail());
        }
        assert!(must_be_clear(&[], &[]).is_ok());
    }

    #[test]
    fn many_in_the_way_are_counted() {
        let one = || in_the_way(vec![held(Subject::User(UserId::mint()), "owner", "several")]);
        let many: Vec<_> = (0..7).flat_map(|_| one()).collect();
        assert!(must_be_clear(&many, &[]).unwrap_err().detail().contains("; 2 more."));
    }

    #[test]
    fn only_what_mixes_duties_is_refused() {
        let crew = Some(Subject::Group(GroupId::mint()));
        let ada = Some(Subject::User(UserId::mint()));
        assert!(must_be_one(Duties::None, crew).is_ok() && must_be_one(Duties::Audit, ada).is_ok());
        assert!(must_be_one(Duties::Audit, crew).is_err());
        assert!(must_be_one(Duties::Several, ada).is_err() && must_be_one(Duties::Several, None).is_err());
        assert!(told(&db::Error::Taken("role_bindings_once".to_owned())).is_none());
    }
}
