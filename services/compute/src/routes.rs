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
    let _ = config;
}
