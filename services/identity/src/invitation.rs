//! Invitations: a stranger's one way to become a person of a tenant.

use auth::action::invitation;
use auth::{Action, Binding, Condition, Credential, Info, Moment, Place, Principal, Rights, Standing};
use chrono::{DateTime, Utc};
use db::Resource;
use ids::{InvitationId, ProjectId, RequestId, RoleId, TenantId, UserId};

use crate::person::Email;

/// The longest an invitation may live, in seconds: seven days.
pub const LONGEST_S: u32 = 7 * 24 * 60 * 60;
/// The shortest.
pub const SHORTEST_S: u32 = 60;

/// What a token begins with, so that scanners for leaked secrets find it.
pub const PREFIX: &str = "yiv_";

/// What is offered: a role, on the tenant or in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The rights the role carries now.
    pub rights: Rights,
    /// The role's id, if the tenant has made it.
    pub role: Option<RoleId>,
    /// The project; none: the whole tenant.
    pub project: Option<ProjectId>,
}

impl Offer {
    /// As it will be bound.
    pub fn binding(&self) -> Binding {
        Binding {
            rights: self.rights.clone(),
            project: self.project,
            condition: Condition::NONE,
        }
    }
}

/// An invitation, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: Email,
    /// To what.
    pub offer: Offer,
    /// By whom.
    pub inviter: Principal,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted, and who came of it.
    pub accepted: Option<(DateTime<Utc>, UserId)>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for Invitation {
    const NAME: &'static str = "invitation";
    const READ: &'static Info = invitation::List::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// How far an invitation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may be accepted.
    Open,
    /// It was.
    Accepted,
    /// It was taken back.
    Revoked,
    /// It is too late.
    Expired,
}

impl Invitation {
    /// How far it has come at that time.
    pub fn status(&self, now: DateTime<Utc>) -> Status {
        match (self.accepted, self.revoked_at) {
            (Some(_), _) => Status::Accepted,
            (None, Some(_)) => Status::Revoked,
            (None, None) if self.expires_at <= now => Status::Expired,
            (None, None) => Status::Open,
        }
    }

    /// Might its inviter, who carries this now, still invite to this? What they hold on a condition alone is not theirs to
    /// give for ever, so it does not count.
    pub fn stands(&self, carried: Vec<Binding>, now: DateTime<Utc>) -> bool {
        let carried = carried
            .into_iter()
            .filter(|binding| binding.condition.is_none())
            .collect();
        let standing = Standing::of(self.tenant, self.inviter.clone(), carried, None);
        let moment = Moment {
            now,
            address: None,
            factor_at: None,
        };
        let inviter = standing.caller(Credential::None, &moment, RequestId::mint());
        inviter.is_some_and(|inviter| {
            inviter.may(invitation::Create::INFO, Place::Tenant(self.tenant))
                && inviter.covers(&self.offer.rights, self.offer.project)
        })
    }
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn invitation(role: Role) -> Invitation {
        Invitation {
            tenant: TenantId::mint(),
            id: InvitationId::mint(),
            email: Email::check("", "ada@example.com").unwrap(),
            offer: Offer {
                rights: Rights::Role(role),
                role: None,
                project: None,
            },
            inviter: Principal::User(UserId::mint()),
            expires_at: at(100),
            accepted: None,
            revoked_at: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn an_invitation_is_open_until_its_end() {
        let open = invitation(Role::Viewer);
        assert_eq!(
            (open.status(at(99)), open.status(at(100))),
            (Status::Open, Status::Expired)
        );
        let taken_back = Invitation {
            revoked_at: Some(at(5)),
            ..open.clone()
        };
        assert_eq!(taken_back.status(at(99)), Status::Revoked);
        let accepted = Invitation {
            accepted: Some((at(5), UserId::mint())),
            ..open
        };
        assert_eq!(accepted.status(at(200)), Status::Accepted);
    }

    #[test]
    fn t18_it_stands_while_its_inviter_might_give_it_still() {
        let now = at(50);
        let whole = |role| Binding::role(role, None);
        let until = |role, end| Binding {
            condition: Condition {
                until: Some(end),
                networks: vec!["10.0.0.0/8".parse().unwrap()],
                factor_minutes: Some(1),
            },
            ..whole(role)
        };
        let stands = |role, carried| invitation(role).stands(carried, now);
        assert!(stands(Role::Viewer, vec![whole(Role::Admin)]));
        assert!(stands(Role::Owner, vec![whole(Role::Owner)]));
        assert!(!stands(Role::Owner, vec![whole(Role::Admin)]), "more than they have");
        assert!(!stands(Role::Viewer, vec![whole(Role::Viewer)]), "may not invite");
        assert!(!stands(Role::Viewer, vec![]));
        assert!(!stands(
            Role::Viewer,
            vec![Binding::role(Role::Owner, Some(ProjectId::mint()))]
        ));
        assert!(!stands(Role::Viewer, vec![until(Role::Admin, at(51))]), "not for ever");
    }
}
