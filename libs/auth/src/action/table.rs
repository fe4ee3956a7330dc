//! How the table of actions is written.

macro_rules! mark {
    () => {
        $crate::action::Mark::Plain
    };
    (guarded) => {
        $crate::action::Mark::Guarded
    };
    (by_name) => {
        $crate::action::Mark::ByName
    };
}

/// One type per action, and the policy: which built-in roles carry it. A row says all there is to say of an action.
macro_rules! actions {
    ($($(#[$doc:meta])* $resource:ident { $($verb:ident = $name:literal on $level:ident $(($mark:ident))?: $($role:ident),+;)+ })+) => {
        $(
            $(#[$doc])*
            pub mod $resource {
                $(
                    #[doc = concat!("`", $name, "`")]
                    #[derive(Debug, Clone, Copy)]
                    pub struct $verb;

                    impl super::Action for $verb {
                        const INFO: &'static super::Info = &super::Info {
                            name: $name,
                            resource: stringify!($resource),
                            level: super::Level::$level,
                            roles: super::RoleSet::of(&[$(super::Role::$role),+]),
                            guarded: matches!(mark!($($mark)?), super::Mark::Guarded),
                            by_name: !matches!(mark!($($mark)?), super::Mark::Plain),
                        };
                    }
                )+
            }
        )+

        /// Every action there is.
        pub const ALL: &[&Info] = &[$($(<$resource::$verb as Action>::INFO),+),+];
    };
}
