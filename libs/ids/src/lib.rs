//! Typed identifiers.
//!
//! Every id is a `UUIDv7` (RFC 9562) behind a type of its own: a function that takes a `VmId` cannot be handed a
//! `HostId`. Ids are names, not secrets: they carry the time of their making and are never used as credentials.

#[doc(hidden)]
pub use {serde, sqlx, utoipa, uuid};

/// The text was not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
pub struct NotAnId;

/// Declares an id type over a `UUIDv7`.
#[macro_export]
macro_rules! define_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            $crate::serde::Serialize, $crate::serde::Deserialize,
            $crate::sqlx::Type, $crate::utoipa::ToSchema,
        )]
        #[serde(crate = "::ids::serde", transparent)]
        #[sqlx(transparent)]
        pub struct $name($crate::uuid::Uuid);

        impl $name {
            /// A new id, ordered by the time of its making.
            #[must_use]
            pub fn mint() -> Self {
                Self($crate::next())
            }

            /// The id a `UUID` stands for.
            #[must_use]
            pub const fn from_uuid(uuid: $crate::uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The bare `UUID`, for wire formats that know no types.
            #[must_use]
            pub const fn as_uuid(&self) -> $crate::uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::NotAnId;

            /// Accepts the hyphenated form only: one id, one spelling.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::parse(text).map(Self)
            }
        }
    )+};
}

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
    /// One request, from gateway to reconciler.
    RequestId;
}

/// A path or body value that may be an id or a name unique in its parent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum IdOrName<I> {
    /// It had the form of an id.
    Id(I),
    /// Anything else.
    Name(String),
}

impl<I: std::str::FromStr> IdOrName<I> {
    /// Never fails: what is not an id is a name. Names that look like ids are refused where names are made.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

impl<'de, I: std::str::FromStr> serde::Deserialize<'de> for IdOrName<I> {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(input).map(|text| Self::of(&text))
    }
}

impl<I: std::fmt::Display> std::fmt::Display for IdOrName<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
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
