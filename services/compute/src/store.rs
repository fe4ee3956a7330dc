//! All SQL: one file per table family. Functions take the transaction that makes them lawful.

// The platform's side.
pub mod enrolments;
pub mod flavors;
pub mod host_reports;
pub mod hosts;
pub mod images;
pub mod pools;

// The tenants' side.
pub mod allocations;
pub mod choices;
pub mod consoles;
pub mod leases;
pub mod observations;
pub mod operations;
pub mod placements;
pub mod quotas;
pub mod vms;

use std::fmt::Display;
use std::str::FromStr;

use auth::Caller;
use ids::IdOrName;
use serde::Serialize;
use web::{Listing, Page, Sort, Window};

/// The statement of a list of the platform's in one of the four orders: one text each, since SQL is never put together
/// at run time. `$1` is the last row's key, `$2` the number of rows, `$3` and `$4` the range of a name's prefix; the
/// filters in `$select` go on from `$5`.
macro_rules! ordered {
    ($sort:expr, $id:literal, $name:literal, $select:expr) => {
        match $sort {
            web::Sort::CreatedAt => concat!(
                $select,
                " and ($3::text is null or ",
                $name,
                " >= $3 and ",
                $name,
                " < $4)",
                " and ($1::text is null or ",
                $id,
                " > $1::uuid) order by ",
                $id,
                " limit $2"
            ),
            web::Sort::CreatedAtDescending => concat!(
                $select,
                " and ($3::text is null or ",
                $name,
                " >= $3 and ",
                $name,
                " < $4)",
                " and ($1::text is null or ",
                $id,
                " < $1::uuid) order by ",
                $id,
                " desc limit $2"
            ),
            web::Sort::Name => concat!(
                $select,
                " and ($3::text is null or ",
                $name,
                " >= $3 and ",
                $name,
                " < $4)",
                " and ($1::text is null or ",
                $name,
                " > $1) order by ",
                $name,
                " limit $2"
            ),
            web::Sort::NameDescending => concat!(
                $select,
                " and ($3::text is null or ",
                $name,
                " >= $3 and ",
                $name,
                " < $4)",
                " and ($1::text is null or ",
                $name,
                " < $1) order by ",
                $name,
                " desc limit $2"
            ),
        }
    };
}
use ordered;

/// The part of a list of the platform's that a caller asks for.
#[derive(Debug)]
pub struct Slice<'a> {
    prefix: Option<&'a str>,
    sort: Sort,
    window: Window,
}

impl<'a> Slice<'a> {
    /// The page that is meant of the names that begin with `prefix`, in this order.
    pub fn parse<F: Serialize>(
        caller: &Caller,
        listing: &Listing<'_, F>,
        prefix: Option<&'a str>,
        sort: Sort,
    ) -> Result<Self, fault::Error> {
        let window = Window::parse(caller.tenant(), listing)?;
        Ok(Self { prefix, sort, window })
    }

    /// The page of these rows; `key` gives a row's id and name.
    pub fn page<R, I: Display, V: for<'r> From<&'r R>>(&self, rows: Vec<R>, key: impl Fn(&R) -> (I, &str)) -> Page<V> {
        let last = |row: &R| match (self.sort, key(row)) {
            (Sort::CreatedAt | Sort::CreatedAtDescending, (id, _)) => vec![id.to_string()],
            (Sort::Name | Sort::NameDescending, (_, name)) => vec![name.to_owned()],
        };
        self.window.page(rows, last, |row| V::from(&row))
    }

    /// The key of the last row of the page before; one that is no key of this order is refused here.
    fn after<I: FromStr + Display>(&self) -> Result<Option<String>, fault::Error> {
        match self.sort {
            Sort::CreatedAt | Sort::CreatedAtDescending => Ok(self.window.after::<I>(0)?.map(|id| id.to_string())),
            Sort::Name | Sort::NameDescending => self.window.after(0),
        }
    }

    /// The end of the prefix's range.
    fn prefix_end(&self) -> Option<String> {
        self.prefix.map(|prefix| format!("{prefix}\u{10ffff}"))
    }
}

/// An id or a name, for statements that take both.
fn either<I: Copy>(named: &IdOrName<I>) -> (Option<I>, Option<&str>) {
    match named {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    }
}
