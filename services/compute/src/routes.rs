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
    config
        .service(api::pools::list::list_pools)
        .service(api::pools::create::create_pool)
        .service(api::pools::read::read_pool)
        .service(api::pools::modify::modify_pool)
        .service(api::pools::delete::delete_pool)
        // Before hosts: `enrolments` is no host's name.
        .service(api::enrolments::list::list_enrolments)
        .service(api::enrolments::create::create_enrolment)
        .service(api::enrolments::delete::delete_enrolment)
        .service(api::hosts::list::list_hosts)
        .service(api::hosts::read::read_host)
        .service(api::hosts::modify::modify_host)
        .service(api::hosts::delete::delete_host)
        .service(api::flavors::list::list_system_flavors)
        .service(api::flavors::create::create_flavor)
        .service(api::flavors::delete::delete_flavor)
        .service(api::images::list::list_system_images)
        .service(api::images::create::create_image)
        .service(api::images::delete::delete_image);
}

/// What every signed-in caller may read of the platform.
fn catalogue(config: &mut Routes<'_>) {
    config
        .service(api::flavors::list::list_flavors)
        .service(api::flavors::read::read_flavor)
        .service(api::images::list::list_images)
        .service(api::images::read::read_image);
}

/// `/hypervisor/…`: hosts, by their certificate.
fn hypervisor(config: &mut Routes<'_>) {
    config
        .service(api::hypervisor::enrol::enrol_host)
        .service(api::hypervisor::session::start_host_session)
        .service(api::hypervisor::desired::read_desired)
        .service(api::hypervisor::observed::report_observed)
        .service(api::hypervisor::image::download_image_file);
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_operation_says_what_it_is() {
        let api = serde_json::to_value(web::openapi(mount)).unwrap();
        let text = api.to_string();
        let named = text
            .split("#/components/schemas/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        // The errors' shape is every service's, and comes with the merge.
        for name in named.filter(|name| *name != "Problem") {
            assert!(
                api["components"]["schemas"][name].is_object(),
                "{name} is named and nowhere described"
            );
        }
        let mut ids = HashSet::new();
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                for field in ["operationId", "summary", "description"] {
                    assert!(
                        operation[field].as_str().is_some_and(|text| !text.is_empty()),
                        "{at} lacks {field}"
                    );
                }
                assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{at}");
                assert!(!operation["security"].as_array().unwrap().is_empty(), "{at}");
                assert!(operation["responses"]["401"].is_object(), "{at} lacks the refusals");
                assert!(ids.insert(operation["operationId"].clone()), "{at} repeats its id");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(parameter["description"].is_string(), "{at} {}", parameter["name"]);
                }
            }
        }
        assert!(ids.len() >= 38, "{}", ids.len());
        for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                // A field that may be null is one of two, and the words stand beside the one that is not.
                let words = std::iter::once(property).chain(property["oneOf"].as_array().into_iter().flatten());
                let said = words.into_iter().any(|one| one["description"].is_string());
                assert!(said, "{name}.{field} lacks a description");
            }
        }
    }
}
