//! The API description of each service, and the one the gateway serves.

mod changes;

use std::path::Path;

use anyhow::Context;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Server, Tag,
};

/// The tags and what stands under each.
const TAGS: [(&str, &str); 31] = [
    ("auth", "Signing up, in and out"),
    (
        "oauth",
        "OAuth 2.0 and OpenID Connect: programs that people let act for them",
    ),
    ("oauth-clients", "The tenant's OAuth 2.0 clients"),
    ("me", "The caller's own person and rights"),
    ("users", "The people of the tenant"),
    ("groups", "Groups of people, to bind roles to"),
    (
        "identity-providers",
        "Other places that vouch for people of the tenant, by OpenID Connect",
    ),
    ("invitations", "Invitations to become a person of the tenant"),
    ("sessions", "Where people are signed in"),
    ("api-keys", "Keys with which programs call"),
    ("service-accounts", "Machines with rights and keys of their own"),
    ("tenant", "The tenant itself, and its end"),
    ("tenant-keys", "The keys that a tenant's data hangs on"),
    ("policies", "What the tenant asks of its people"),
    ("projects", "Projects: the drawers most resources live in"),
    (
        "roles",
        "Roles: what may be bound to people, groups and service accounts",
    ),
    ("role-bindings", "Who carries which role, where and when"),
    ("vms", "Virtual machines"),
    ("operations", "Long operations and their progress"),
    ("quotas", "What a tenant may use"),
    ("flavors", "Sizes of virtual machines"),
    ("images", "Bootable images"),
    ("pools", "Pools of hosts, for platform operators"),
    ("tenants", "The tenants of the platform, for platform operators"),
    (
        "operator-access",
        "Platform operators in a tenant's content: by its consent, or in an emergency",
    ),
    ("hosts", "Hosts and their enrolment, for platform operators"),
    (
        "dead-letters",
        "Events that could not be applied, for platform operators",
    ),
    ("hypervisor", "What hypervisors call, with their client certificate"),
    ("audit", "The audit log"),
    ("events", "The live stream of events"),
    ("webhooks", "Addresses that are told what happens in the tenant"),
];

/// Each service's description by its name.
pub fn parts() -> Vec<(&'static str, OpenApi)> {
    let parts = [
        ("audit", web::openapi(audit::routes::mount)),
        ("compute", web::openapi(compute::routes::mount)),
        ("identity", web::openapi(identity::routes::mount)),
        ("notify", web::openapi(notify::routes::mount)),
    ];
    parts
        .into_iter()
        .map(|(name, api)| (name, dress(public(api))))
        .collect()
}

/// The whole API, as the gateway serves it.
pub fn whole() -> OpenApi {
    let mut merged = OpenApi::default();
    for (_, part) in parts() {
        merged.merge(part);
    }
    dress(merged)
}

/// Writes `openapi.json` and one file per service.
pub fn write(out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let whole = [("openapi", whole())];
    for (name, api) in whole.into_iter().chain(parts()) {
        let file = out.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&api)? + "\n";
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Without what only the roles call among themselves.
fn public(mut api: OpenApi) -> OpenApi {
    api.paths.paths.retain(|path, _| !path.starts_with("/internal/"));
    api
}

fn dress(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Yunshu")
        .version("1")
        .description(Some(
            "A cloud for many tenants: virtual machines, projects, audit. Errors are problem details (RFC 9457).",
        ))
        .contact(Some(
            ContactBuilder::new()
                .name(Some("The Yunshu authors"))
                .url(Some("https://yunshu.example"))
                .build(),
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    api.servers = Some(vec![Server::new("/")]);
    changes::describe(&mut api);
    let used: std::collections::BTreeSet<String> = api
        .paths
        .paths
        .values()
        .flat_map(|item| [&item.get, &item.post, &item.put, &item.patch, &item.delete])
        .flatten()
        .flat_map(|operation| operation.tags.clone().unwrap_or_default())
        .collect();
    let tags = TAGS.into_iter().filter(|(name, _)| used.contains(*name));
    api.tags = Some(
        tags.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })
        .collect(),
    );
    let mut components: Components = api
        .components
        .take()
        .unwrap_or_else(|| ComponentsBuilder::new().build());
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("bearer", bearer);
    components.add_security_scheme(
        "mtls",
        SecurityScheme::MutualTls {
            description: Some("The client certificate that was enrolled (RFC 8705)".to_owned()),
            extensions: None,
            deprecated: None,
        },
    );
    add_problem(&mut components);
    api.components = Some(components);
    api
}

/// Refusals refer to it by name; no body type does.
fn add_problem(components: &mut Components) {
    use utoipa::{PartialSchema, ToSchema};
    let mut schemas = vec![(fault::Problem::name().into_owned(), fault::Problem::schema())];
    fault::Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
}
