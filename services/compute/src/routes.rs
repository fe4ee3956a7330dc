//! Every path of the service: the only list.

use web::{Routes, scope};

use crate::api;

/// Puts every endpoint in its place.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .configure(platform)
            .configure(catalogue)
            .configure(hypervisor)
            .configure(tenants),
    );
}

/// `/system/…`: platform operators.
fn platform(config: &mut Routes<'_>) {
    let _ = config;
}

/// What every signed-in caller may read of the platform.
fn catalogue(config: &mut Routes<'_>) {
    let _ = config;
}

/// `/hypervisor/…`: hosts, by their certificate.
fn hypervisor(config: &mut Routes<'_>) {
    let _ = config;
}

/// Virtual machines, quotas, operations.
fn tenants(config: &mut Routes<'_>) {
    config
        .service(api::vms::create::create_vm)
        .service(api::vms::list::list_vms)
        .service(api::vms::power::start_vm)
        .service(api::vms::power::stop_vm)
        .service(api::vms::power::reboot_vm)
        .service(api::vms::console::read_vm_console)
        .service(api::vms::placement::read_vm_placement)
        .service(api::vms::read::read_vm)
        .service(api::vms::modify::modify_vm)
        .service(api::vms::delete::delete_vm)
        .service(api::operations::list::list_operations)
        .service(api::operations::read::read_operation)
        .service(api::quotas::list::list_quotas)
        .service(api::quotas::read::read_tenant_quota)
        .service(api::quotas::modify::modify_tenant_quota);
}
