//! Duties that are kept apart, on the wire.

use auth::action::role_binding;
use auth::{Action, Duty, Place};
use chrono::{DateTime, Utc};
use db::{Read, Subject};
use ids::BindingId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::role_bindings::SubjectRef;
use crate::duty::{self, InTheWay};
use crate::policy::Policy;
use crate::{once, store};

/// Whether running systems, looking after people and reading the log are kept apart (GB/T 22239-2019, 8.1.5).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DutiesPolicyView {
    /// Are they? Then no role combines two, nobody holds two, and groups hold none.
    #[schema(example = false)]
    pub apart: bool,
    /// The duties whose role (`system_administrator`, `security_administrator`, `auditor`) nobody carries who can sign in.
    pub lacking: Vec<Duty>,
    /// Who stands in the way of keeping them apart, 200 bindings at most. Empty to those who may not list role bindings.
    pub in_the_way: Vec<InTheWayView>,
    /// Counts changes of the tenant's policies.
    #[schema(example = 1)]
    pub generation: i64,
    /// When they were last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    ways: Vec<InTheWay>,
}

/// Somebody who stands in the way, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InTheWayView {
    /// Who.
    pub subject: SubjectRef,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// Why.
    pub why: WayKind,
    /// What they carry of duties.
    pub bindings: Vec<DutyBindingView>,
}

/// Why bindings do not go together with duties that are apart.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WayKind {
    /// A role combines duties, as `owner` and `admin` do.
    Combines,
    /// A group carries a duty.
    ByGroup,
    /// Several roles of different duties.
    Several,
}

/// A binding that carries a duty.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DutyBindingView {
    /// Its id.
    pub id: BindingId,
    /// The role.
    #[schema(example = "operator")]
    pub role: String,
    /// Its duty: `system`, `security`, `audit`, or `several`.
    #[schema(example = "system")]
    pub duty: String,
}

impl InTheWayView {
    fn of(way: &InTheWay) -> Option<Self> {
        let first = way.held.first()?;
        let bindings = way.held.iter().map(|held| DutyBindingView {
            id: held.binding,
            role: held.role.clone(),
            duty: held.duty.clone(),
        });
        Some(Self {
            subject: first.subject.into(),
            name: first.name.clone(),
            why: match way.why {
                duty::Why::Combines => WayKind::Combines,
                duty::Why::ByGroup => WayKind::ByGroup,
                duty::Why::Several => WayKind::Several,
            },
            bindings: bindings.collect(),
        })
    }
}

impl DutiesPolicyView {
    /// As the caller may know it.
    pub async fn of<A: Action>(tx: &mut Read<A>, policy: &Policy) -> Result<Self, fault::Error> {
        let ways = duty::in_the_way(store::duties::mixed(tx).await?);
        let knows = tx.caller().may(role_binding::List::INFO, Place::Tenant(policy.tenant));
        Ok(Self {
            apart: store::duties::are_apart(tx).await?,
            lacking: store::duties::lacking(tx).await?,
            in_the_way: ways.iter().filter(|_| knows).filter_map(InTheWayView::of).collect(),
            generation: policy.generation,
            updated_at: policy.updated_at,
            ways,
        })
    }

    /// They can be kept apart, or 409 with what to do first.
    pub fn must_be_clear(&self) -> Result<(), fault::Error> {
        duty::must_be_clear(&self.ways, &self.lacking)
    }
}

impl Subject for DutiesPolicyView {
    fn object(&self) -> String {
        "policy:duties".to_owned()
    }

    /// Who stands in the way changes without the policy.
    fn etag(&self) -> Option<String> {
        use std::fmt::Write;
        let mut state = format!("{:?}", self.lacking);
        for held in self.ways.iter().flat_map(|way| &way.held) {
            let _ = write!(state, " {}", held.binding);
        }
        let [a, b, c, d, ..] = once::digest(&state);
        Some(format!("\"{}-{a:02x}{b:02x}{c:02x}{d:02x}\"", self.generation))
    }

    /// The log knows people by their ids alone.
    fn record(&self) -> Value {
        json!({"apart": self.apart})
    }
}
