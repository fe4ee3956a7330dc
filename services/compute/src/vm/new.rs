//! What a client sends, checked.

use std::collections::BTreeMap;

use fault::FieldError;
use host_api::BootImage;
use ids::{FlavorId, IdOrName, ImageId, PoolId, VmId};

use super::{Labels, Size};
use crate::placement::Policy;

/// A machine to be, as far as its description alone can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVm {
    /// Its name.
    pub name: String,
    /// Its flavor.
    pub flavor: IdOrName<FlavorId>,
    /// Its image.
    pub image: IdOrName<ImageId>,
    /// Its labels.
    pub labels: Labels,
    /// What is asked of the placement.
    pub wish: Wish,
}

/// What the platform keeps of what a new machine names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its flavor.
    pub flavor: (FlavorId, String),
    /// Its size, by the flavor.
    pub size: Size,
    /// Its image.
    pub image: (ImageId, String),
    /// What it boots from, by the image.
    pub boot: BootImage,
    /// The pool asked for.
    pub pool: Option<PoolId>,
}

/// What is asked of the placement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Only hosts of this pool.
    pub pool: Option<IdOrName<PoolId>>,
    /// Instead of the pool's own policy.
    pub policy: Option<Policy>,
    /// Rather not on a host with another machine of this group.
    pub group: Option<String>,
}

/// The parts of [`NewVm`] as they came.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// `/name`
    pub name: &'a str,
    /// `/flavor`
    pub flavor: &'a str,
    /// `/image`
    pub image: &'a str,
    /// `/labels`
    pub labels: &'a BTreeMap<String, String>,
    /// `/placement/pool`
    pub pool: Option<&'a str>,
    /// `/placement/policy`
    pub policy: Option<Policy>,
    /// `/placement/group`
    pub group: Option<&'a str>,
}

impl NewVm {
    /// Checks every field and names all that are wrong.
    pub fn check(parts: &Parts<'_>) -> Result<Self, fault::Error> {
        let mut wrong = Vec::new();
        wrong.extend(check_name("/name", parts.name));
        for (at, text) in [("/flavor", parts.flavor), ("/image", parts.image)] {
            wrong.extend(reference(at, text));
        }
        wrong.extend(parts.pool.and_then(|pool| reference("/placement/pool", pool)));
        wrong.extend(parts.group.and_then(|group| check_name("/placement/group", group)));
        let labels = Labels::check(parts.labels).unwrap_or_else(|errors| {
            wrong.extend(errors);
            Labels::default()
        });
        if !wrong.is_empty() {
            return Err(fault::Error::invalid_fields(wrong));
        }
        Ok(Self {
            name: parts.name.to_owned(),
            flavor: IdOrName::of(parts.flavor),
            image: IdOrName::of(parts.image),
            labels,
            wish: Wish {
                pool: parts.pool.map(IdOrName::of),
                policy: parts.policy,
                group: parts.group.map(str::to_owned),
            },
        })
    }
}

/// What a client wants changed; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renamed {
    /// The new name.
    pub name: Option<String>,
    /// The new labels, all of them.
    pub labels: Option<Labels>,
}

impl Renamed {
    /// Checks every field and names all that are wrong.
    pub fn check(name: Option<&str>, labels: Option<&BTreeMap<String, String>>) -> Result<Self, fault::Error> {
        let mut wrong: Vec<_> = name.and_then(|name| check_name("/name", name)).into_iter().collect();
        let labels = labels.map(Labels::check).transpose().unwrap_or_else(|errors| {
            wrong.extend(errors);
            None
        });
        if wrong.is_empty() {
            Ok(Self {
                name: name.map(str::to_owned),
                labels,
            })
        } else {
            Err(fault::Error::invalid_fields(wrong))
        }
    }
}

/// What is wrong with a name, if anything. A name that reads like an id could not be looked up by name.
pub fn check_name(at: &str, name: &str) -> Option<FieldError> {
    let bytes = name.as_bytes();
    let good = matches!(bytes.first(), Some(b'a'..=b'z'))
        && !matches!(bytes.last(), Some(b'-'))
        && bytes.len() <= 63
        && bytes
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let rule = "must be 1 to 63 characters of a-z, 0-9 and -, begin with a letter and not end with -";
    if !good {
        return Some(FieldError::new(at, rule));
    }
    name.parse::<VmId>()
        .is_ok()
        .then(|| FieldError::new(at, "must not read like an id"))
}

/// A name or id of something the platform keeps; whether it exists is asked later.
fn reference(at: &str, text: &str) -> Option<FieldError> {
    let good = (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    (!good).then(|| FieldError::new(at, "must be an id, or a name of 1 to 63 characters"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let labels = BTreeMap::from([("-".to_owned(), String::new())]);
        let parts = Parts {
            name: "Web 1",
            flavor: "",
            image: "demo",
            labels: &labels,
            pool: Some(""),
            policy: None,
            group: Some("9"),
        };
        let error = NewVm::check(&parts).unwrap_err();
        let pointers: Vec<_> = error.problem().errors.into_iter().map(|field| field.pointer).collect();
        assert_eq!(
            pointers,
            ["/name", "/flavor", "/placement/pool", "/placement/group", "/labels/-"]
        );
    }

    #[test]
    fn a_name_that_reads_like_an_id_is_refused() {
        assert!(check_name("/name", "a192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3").is_some());
        assert!(check_name("/name", "web-1").is_none());
    }

    proptest! {
        /// The database checks the same rule; a name it would refuse must not get that far.
        #[test]
        fn names_are_those_the_database_takes(name in "\\PC{0,70}") {
            let rule = |name: &str| {
                let chars: Vec<char> = name.chars().collect();
                let tail = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit();
                !chars.is_empty() && chars.len() <= 63 && chars[0].is_ascii_lowercase()
                    && chars.iter().all(|c| tail(c) || *c == '-') && chars.last().is_some_and(tail)
            };
            prop_assert_eq!(check_name("/name", &name).is_none(), rule(&name) && name.parse::<VmId>().is_err());
        }
    }
}
