//! Those who come first of many, in an order that the database does not know.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ids::UserId;
use web::{Sort, Window};

/// As many as a window holds, of all who are offered.
pub struct First {
    sort: Sort,
    most: usize,
    after: Option<Place>,
    kept: BinaryHeap<Place>,
}

/// Where somebody stands in the order that was asked for.
struct Place {
    sort: Sort,
    name: String,
    id: UserId,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_id = self.id.cmp(&other.id);
        match self.sort {
            Sort::CreatedAt => by_id,
            Sort::CreatedAtDescending => by_id.reverse(),
            Sort::Name => self.name.cmp(&other.name).then(by_id),
            Sort::NameDescending => self.name.cmp(&other.name).then(by_id).reverse(),
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl First {
    /// Of nobody yet.
    pub fn new(sort: Sort, window: &Window) -> Result<Self, fault::Error> {
        let by_name = matches!(sort, Sort::Name | Sort::NameDescending);
        let (id, name) = if by_name {
            (window.after(1)?, window.after(0)?)
        } else {
            (window.after(0)?, None)
        };
        let after = id.map(|id| Place {
            sort,
            name: name.unwrap_or_default(),
            id,
        });
        Ok(Self {
            sort,
            most: usize::try_from(window.fetch()).map_err(fault::Error::internal)?,
            after,
            kept: BinaryHeap::new(),
        })
    }

    /// Another of them: the last falls away where there are too many.
    pub fn offer(&mut self, name: String, id: UserId) {
        let place = Place {
            sort: self.sort,
            name,
            id,
        };
        if self.after.as_ref().is_some_and(|after| place <= *after) {
            return;
        }
        if self.kept.len() < self.most {
            self.kept.push(place);
        } else if let Some(mut last) = self.kept.peek_mut().filter(|last| place < **last) {
            *last = place;
        }
    }

    /// They, in order.
    pub fn take(self) -> Vec<UserId> {
        let kept = self.kept.into_sorted_vec();
        kept.into_iter().map(|place| place.id).collect()
    }
}
