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
