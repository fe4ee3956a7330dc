//! One type per action.
//!
//! The word is always one of a few (`Create`, `Read`, `List`, `Modify`, `Delete`, `Operate`); the resource gives it
//! meaning. [`Level`] says what the action is asked of: the platform, the tenant, or one project.

/// What an action is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Things that belong to no tenant: hosts, pools, flavors.
    Platform,
    /// Things of the tenant as a whole.
    Tenant,
    /// Things inside one project; a role bound to that project is enough.
    Project,
}

/// What is known of an action.
#[derive(Debug)]
pub struct Info {
    /// `resource.verb`, as in audit events and denials.
    pub name: &'static str,
    /// The resource alone, for sentences.
    pub resource: &'static str,
    /// What it is asked of.
    pub level: Level,
}

/// An action as a type.
pub trait Action: Send + Sync + 'static {
    /// What is known of it.
    const INFO: &'static Info;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $resource:ident { $($verb:ident: $level:ident = $name:literal),+ $(,)? })+) => {
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
                        };
                    }
                )+
            }
        )+

        /// Every action there is.
        pub const ALL: &[&Info] = &[$($(<$resource::$verb as Action>::INFO),+),+];
    };
}

actions! {
    /// The tenant itself.
    tenant { Create: Tenant = "tenant.create", Read: Tenant = "tenant.read" }
    /// The caller's own person and rights.
    me { Read: Tenant = "me.read" }
    /// Sign-ins.
    session { Create: Tenant = "session.create", Refresh: Tenant = "session.refresh", Delete: Tenant = "session.delete" }
    /// Projects.
    project {
        Create: Tenant = "project.create",
        List: Tenant = "project.list",
        Read: Project = "project.read",
        Modify: Project = "project.modify",
        Delete: Project = "project.delete",
    }
    /// Virtual machines.
    vm {
        Create: Project = "vm.create",
        List: Project = "vm.list",
        Read: Project = "vm.read",
        Modify: Project = "vm.modify",
        Delete: Project = "vm.delete",
        Operate: Project = "vm.operate",
    }
    /// What a machine's serial port printed: may hold secrets, so more than reading.
    console { Read: Project = "console.read" }
    /// Long operations.
    operation { List: Tenant = "operation.list", Read: Project = "operation.read" }
    /// What a tenant may use.
    quota { Read: Tenant = "quota.read", Modify: Platform = "quota.modify" }
    /// Sizes of machines.
    flavor {
        List: Tenant = "flavor.list",
        Read: Tenant = "flavor.read",
        Create: Platform = "flavor.create",
        Delete: Platform = "flavor.delete",
    }
    /// Bootable images.
    image {
        List: Tenant = "image.list",
        Read: Tenant = "image.read",
        Create: Platform = "image.create",
        Delete: Platform = "image.delete",
    }
    /// Pools of hosts.
    pool {
        Create: Platform = "pool.create",
        List: Platform = "pool.list",
        Read: Platform = "pool.read",
        Modify: Platform = "pool.modify",
        Delete: Platform = "pool.delete",
    }
    /// Machines that run virtual machines.
    host {
        Enrol: Platform = "host.enrol",
        List: Platform = "host.list",
        Read: Platform = "host.read",
        Operate: Platform = "host.operate",
        Delete: Platform = "host.delete",
    }
    /// The audit log.
    audit { List: Tenant = "audit.list", Read: Tenant = "audit.read" }
    /// The live stream of events.
    event { Stream: Tenant = "event.stream" }
    /// Attempts that were refused, as the audit log records them.
    access { Deny: Tenant = "access.deny" }
}
