//! Typed identifiers.
//!
//! Every id is a `UUIDv7` (RFC 9562) behind a type of its own: a function that takes a `VmId` cannot be handed a
//! `HostId`. Ids are names, not secrets: they carry the time of their making and are never used as credentials.

#[macro_use]
mod define;
mod name;

pub use name::IdOrName;
#[doc(hidden)]
pub use {serde, sqlx, utoipa, uuid};

/// The text was not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
pub struct NotAnId;

extern crate self as ids;

#[doc(hidden)]
#[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
pub fn next() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

#[doc(hidden)]
pub fn parse(text: &str) -> Result<uuid::Uuid, NotAnId> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(NotAnId);
    }
    uuid::Uuid::try_parse(text).map_err(|_| NotAnId)
}

define_id! {
    /// A tenant: the wall between customers.
    TenantId;
    /// A project inside a tenant.
    ProjectId;
    /// A person.
    UserId;
    /// A sign-in that lives until it is revoked or expires.
    SessionId;
    /// The binding of a role to a principal.
    BindingId;
    /// A role that a tenant has made itself.
    RoleId;
    /// A group of people.
    GroupId;
    /// A machine with an account of its own.
    ServiceAccountId;
    /// A key that stands for a person or a service account.
    ApiKeyId;
    /// An invitation to become a person of a tenant.
    InvitationId;
    /// Something that a person proves who they are with.
    FactorId;
    /// A program that people let act for them (OAuth 2.0).
    OauthClientId;
    /// A secret or public key by which a service account proves itself for an access token.
    AccountCredentialId;
    /// A step of a sign-in that waits for its second factor.
    ChallengeId;
    /// An identity provider of a tenant.
    IdentityProviderId;
    /// What a provider calls a person.
    ExternalIdentityId;
    /// A sign-in whose person is at a provider.
    ExternalSignInId;
    /// A platform operator's access to a tenant's content.
    OperatorAccessId;
    /// A legal hold on a tenant's audit log.
    AuditHoldId;
    /// A pool of hosts.
    PoolId;
    /// A machine that runs virtual machines.
    HostId;
    /// A one-use permission to enrol a host.
    EnrolmentId;
    /// A size of virtual machine.
    FlavorId;
    /// A bootable image.
    ImageId;
    /// A virtual machine.
    VmId;
    /// A long operation.
    OperationId;
    /// An event, of the audit log or of the bus.
    EventId;
    /// What a consumer could not apply.
    LetterId;
    /// An address that is told what happens in a tenant.
    WebhookId;
    /// One event for one webhook.
    DeliveryId;
    /// One request, from gateway to reconciler.
    RequestId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = VmId::mint();
        assert_eq!(id.to_string().parse(), Ok(id));
        let bare = id.as_uuid().simple().to_string();
        assert_eq!(bare.parse::<VmId>(), Err(NotAnId));
        assert_eq!(format!("{{{id}}}").parse::<VmId>(), Err(NotAnId));
    }

    #[test]
    fn ids_are_ordered_by_their_making() {
        let first = VmId::mint();
        let second = VmId::mint();
        assert!(first < second);
    }

    #[test]
    fn what_is_not_an_id_is_a_name() {
        assert_eq!(IdOrName::<VmId>::of("web-1"), IdOrName::Name("web-1".to_owned()));
    }
}
