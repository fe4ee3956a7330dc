//! What this service emits. It consumes nothing.
//!
//! The data of each event is the machine as its owner reads it, so that a live page needs no second question.

use db::Event;
use ids::ProjectId;
use serde::Serialize;

use crate::api::vms::VmView;
use crate::vm::Vm;

macro_rules! vm_events {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize)]
        #[serde(transparent)]
        pub struct $name(VmView);

        impl $name {
            /// The event of this machine.
            pub fn of(vm: &Vm) -> Self {
                Self(VmView::from(vm))
            }
        }

        impl Event for $name {
            const KIND: &'static str = $kind;

            fn subject(&self) -> String {
                format!("vm:{}", self.0.id)
            }

            fn project(&self) -> Option<ProjectId> {
                Some(self.0.project_id)
            }
        }
    )+};
}

vm_events! {
    /// A machine was asked for.
    VmCreated = "vm.created";
    /// What its owner sees of a machine changed.
    VmUpdated = "vm.updated";
    /// A machine is gone.
    VmDeleted = "vm.deleted";
}
