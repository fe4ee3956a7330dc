//! Platform operators' access to a tenant's content.
//!
//! An operator asks, with a reason, a role and a length; somebody of the tenant consents, refuses or lets a day pass. In an
//! emergency a second operator confirms instead, and an hour is all there is. Either side may end it at any time. What an
//! access lets its operator do is judged at the gateway by its standing; that all of it is in the log, by `web`.

use auth::action::operator_access;
use auth::{AccessKind, Action, Caller, Credential, Info, PLATFORM, Place, Role};
use chrono::{DateTime, Utc};
use db::Resource;
use fault::{FieldError, Kind};
use ids::{OperatorAccessId, TenantId, UserId};

/// The shortest consent, in minutes.
pub const SHORTEST: u16 = 15;
/// The longest: a day.
pub const LONGEST: u16 = 24 * 60;
/// What an emergency lasts at most.
pub const EMERGENCY: u16 = 60;

const REASON: std::ops::RangeInclusive<usize> = 3..=500;

/// The roles that an operator may be let in with.
pub const ROLES: [Role; 3] = [Role::Viewer, Role::Auditor, Role::Operator];

/// How far an access has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for a decision, a day at most.
    Requested,
    /// It is in force.
    Granted,
    /// The tenant does not consent.
    Refused,
    /// Somebody has ended it.
    Ended,
    /// Nobody has decided in time, or its time is over.
    Expired,
}

impl State {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Requested,
        Self::Granted,
        Self::Refused,
        Self::Ended,
        Self::Expired,
    ];

    /// The word on the wire and in queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Expired => "expired",
        }
    }
}

/// Who has ended an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Somebody of the tenant.
    Tenant,
    /// The operator.
    Operator,
}

impl Side {
    /// The word in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Operator => "operator",
        }
    }
}

/// An access, at the time it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose content.
    pub tenant: TenantId,
    /// Its id.
    pub id: OperatorAccessId,
    /// By whose word.
    pub kind: AccessKind,
    /// Who asks.
    pub operator: UserId,
    /// Why.
    pub reason: String,
    /// As what.
    pub role: Role,
    /// For how long.
    pub minutes: u16,
    /// How far it has come.
    pub state: State,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it was decided on.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom of the tenant.
    pub decided_by: Option<UserId>,
    /// By which second operator.
    pub confirmed_by: Option<UserId>,
    /// When it ends by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// When somebody ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Which side did.
    pub ended_by: Option<Side>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for Access {
    const NAME: &'static str = "operator access";
    const READ: &'static Info = operator_access::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

impl Access {
    /// It waits for a decision, or 409.
    pub fn must_wait(&self) -> Result<(), fault::Error> {
        match self.state {
            State::Requested => Ok(()),
            state => Err(over(state)),
        }
    }

    /// It is waited for or in force, or 409.
    pub fn must_not_be_over(&self) -> Result<(), fault::Error> {
        match self.state {
            State::Requested | State::Granted => Ok(()),
            state => Err(over(state)),
        }
    }

    /// It is of that kind, or 409.
    pub fn must_be(&self, kind: AccessKind) -> Result<(), fault::Error> {
        if self.kind == kind {
            return Ok(());
        }
        let detail = match self.kind {
            AccessKind::BreakGlass => "This is an emergency, which nobody consents to: end it instead.",
            AccessKind::Consent => "This waits for the tenant's consent; a second operator has no say in it.",
        };
        Err(fault::Error::conflict(detail))
    }
}

fn over(state: State) -> fault::Error {
    let detail = format!(
        "The access is `{}`: there is nothing left to decide or end.",
        state.name()
    );
    fault::Error::conflict(detail)
}

/// An access to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccess {
    /// By whose word.
    pub kind: AccessKind,
    /// Whose content.
    pub tenant: TenantId,
    /// Why.
    pub reason: String,
    /// As what.
    pub role: Role,
    /// For how long.
    pub minutes: u16,
}

impl NewAccess {
    /// What is asked for, or every complaint at once.
    pub fn check(
        kind: AccessKind,
        tenant: TenantId,
        (reason, role): (&str, &str),
        minutes: u16,
    ) -> Result<Self, fault::Error> {
        let mut wrong = Vec::new();
        if tenant == PLATFORM {
            wrong.push(FieldError::new("/tenant_id", "is the platform itself"));
        }
        let reason = reason.trim();
        // Direction overrides make one reason look like another.
        let plain = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if !REASON.contains(&reason.chars().count()) || !reason.chars().all(plain) {
            wrong.push(FieldError::new(
                "/reason",
                "must be 3 to 500 characters without control characters",
            ));
        }
        let role = ROLES.into_iter().find(|known| known.name() == role);
        if role.is_none() {
            wrong.push(FieldError::new("/role", "must be `viewer`, `auditor` or `operator`"));
        }
        if kind == AccessKind::Consent && !(SHORTEST..=LONGEST).contains(&minutes) {
            let length = format!("must be from {SHORTEST} to {LONGEST}");
            wrong.push(FieldError::new("/minutes", length));
        }
        match role {
            Some(role) if wrong.is_empty() => Ok(Self {
                kind,
                tenant,
                reason: reason.to_owned(),
                role,
                minutes,
            }),
            _ => Err(fault::Error::invalid_fields(wrong)),
        }
    }
}

/// The operator who calls: a person of the platform. A machine answers for nothing, nor does a key.
pub fn operator(caller: &Caller) -> Result<UserId, fault::Error> {
    let here = caller.tenant() == PLATFORM && !matches!(caller.credential(), Credential::ApiKey(_));
    let person = caller.user().filter(|_| here);
    person.ok_or_else(|| {
        fault::Error::new(
            Kind::Forbidden,
            "Only a person of the platform who is signed in asks for access.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_and_no_great_role_is_lent() {
        let check = |reason: &str, role: &str, minutes| {
            let checked = NewAccess::check(AccessKind::Consent, TenantId::mint(), (reason, role), minutes);
            checked.map_err(|error| {
                let fields = error.problem().errors.into_iter();
                fields.map(|field| field.pointer).collect::<Vec<_>>()
            })
        };
        let good = check("  a broken disk ", "viewer", 15).unwrap();
        assert_eq!((good.reason.as_str(), good.minutes), ("a broken disk", 15));
        assert!(check(&"é".repeat(500), "operator", 1440).is_ok());
        for role in ["owner", "admin", "platform_operator", "system", "anyone", ""] {
            assert_eq!(check("because", role, 60).unwrap_err(), ["/role"]);
        }
        for (reason, minutes) in [("no", 14), ("a\nb\nc", 1441), ("abc\u{202e}", 0)] {
            assert_eq!(check(reason, "viewer", minutes).unwrap_err(), ["/reason", "/minutes"]);
        }
        let platform = NewAccess::check(AccessKind::BreakGlass, PLATFORM, ("because", "viewer"), EMERGENCY);
        assert_eq!(platform.unwrap_err().problem().errors[0].pointer, "/tenant_id");
    }
}
