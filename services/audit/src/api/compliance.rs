//! What can be shown of standards: wire types and endpoints.

pub mod breach;
pub mod pack;
pub mod read;
pub mod register;

use std::cmp::Reverse;

use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Reason, Tenant};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::compliance::{CONTROLS, Control, Known, Status, WINDOW, recent};
use crate::log::REGISTER;
use crate::state::Audit;
use crate::store;
use crate::store::checkpoints::Signed;

/// Checkpoints that are looked at.
const NEWEST: i64 = 8;

/// What can be shown of each control now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComplianceView {
    /// When it was looked at.
    pub at: DateTime<Utc>,
    /// The controls.
    pub controls: Vec<ControlView>,
}

/// Something that must be shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ControlView {
    /// Its name here.
    #[schema(example = "mlps3-8.1.5")]
    pub id: String,
    /// Of which standard.
    #[schema(example = "GB/T 22239-2019")]
    pub standard: String,
    /// Its place in it, and what it is about.
    #[schema(example = "8.1.5 Security management centre: logs are kept for half a year")]
    pub title: String,
    /// Can it be shown?
    pub status: ControlStatus,
    /// How.
    pub evidence: EvidenceView,
}

/// Can a control be shown?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlStatus {
    /// It is so now, by what the log sees of itself.
    Met,
    /// It is not so now.
    NotMet,
    /// The log cannot tell: a test shows it, or nobody here can.
    NotAssessed,
}

/// What was asked, and what came out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EvidenceView {
    /// What was asked; `by test:` and its name where a test of the platform's shows it.
    #[schema(example = "are records kept for at least 180 days?")]
    pub query: String,
    /// What came out; null where nothing was asked.
    #[schema(value_type = Option<Object>, example = json!({"days": 365, "holds": 0}))]
    pub result: Value,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

impl ControlView {
    fn of(control: &Control, known: &Known) -> Self {
        let seen = control.look(known);
        Self {
            id: control.id.to_owned(),
            standard: control.standard.to_owned(),
            title: control.title.to_owned(),
            status: match seen.status {
                Status::Met => ControlStatus::Met,
                Status::NotMet => ControlStatus::NotMet,
                Status::NotAssessed => ControlStatus::NotAssessed,
            },
            evidence: EvidenceView {
                query: seen.query,
                result: seen.result,
                at: known.now,
            },
        }
    }
}

/// Looks at everything that the log knows of itself.
async fn known(
    audit: &Audit,
    tx: &mut Read<audit::Read>,
    tenant: &Granted<Tenant, audit::Read>,
) -> Result<Known, fault::Error> {
    let now = tx.now();
    let newest = store::checkpoints::newest_of(tx, tenant, NEWEST).await?;
    Ok(Known {
        now,
        facts: store::compliance::facts(tx, tenant, now - WINDOW).await?,
        registered: registered(audit, (tx, tenant), &newest).await?,
        newest,
        retention: store::retention::read(tx, tenant).await?,
        holds: store::retention::holds_on(tx, tenant).await?,
    })
}

/// How many witnesses cosigned the register with one of these checkpoints of the last minute in it.
async fn registered(
    audit: &Audit,
    (tx, tenant): (&mut Read<audit::Read>, &Granted<Tenant, audit::Read>),
    newest: &[Signed],
) -> Result<usize, fault::Error> {
    let mut system = audit.db.system(Reason::Register).await?;
    let mut registers = store::checkpoints::below(&mut system, REGISTER, None, NEWEST).await?;
    drop(system);
    registers.retain(|signed| !signed.cosigned.is_empty());
    registers.sort_by_key(|signed| Reverse(signed.cosigned.len()));
    for register in registers {
        let in_it = store::register::heads(tx, tenant, (None, Some(register.size)), 1).await?;
        let mut sizes = in_it.iter().map(|known| known.head.size.cast_signed());
        if sizes.any(|size| recent(newest).any(|signed| signed.size == size)) {
            return Ok(register.cosigned.len());
        }
    }
    Ok(0)
}

fn view(known: &Known) -> ComplianceView {
    ComplianceView {
        at: known.now,
        controls: CONTROLS.iter().map(|control| ControlView::of(control, known)).collect(),
    }
}
