//! The access matrix: every operation of the API, as nobody, as each role, as a hypervisor. An operation without a row
//! fails the test, and so does a row without an operation.

use std::collections::BTreeSet;

use auth::passport::Bearer;
use auth::{Binding, Caller, Role};
use ids::{ProjectId, VmId};
use testkit::{Reply, TestTenant};

use crate::kit::{Op, Services, operations};

/// Who may call an operation. "May" means that policy lets them in; what they then ask for need not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nobody has to be signed in.
    Open,
    /// Whoever is signed in.
    SignedIn,
    /// These roles.
    Roles(&'static [Role]),
    /// Holders of an enrolled client certificate, and nobody else.
    Certificate,
}

use Access::{Certificate, Open, Roles, SignedIn};

const EVERY: &[Role] = &[
    Role::Owner,
    Role::Admin,
    Role::Operator,
    Role::Viewer,
    Role::Auditor,
    Role::SystemAdministrator,
    Role::SecurityAdministrator,
];
const RUNNERS: &[Role] = &[Role::Owner, Role::Admin, Role::Operator, Role::SystemAdministrator];
/// Of projects and service accounts.
const BUILDERS: &[Role] = &[Role::Owner, Role::Admin, Role::SystemAdministrator];
/// Of people and rights.
const MANAGERS: &[Role] = &[Role::Owner, Role::Admin, Role::SecurityAdministrator];
const KEEPERS: &[Role] = &[Role::Owner, Role::Admin, Role::Auditor, Role::SecurityAdministrator];
/// Who may see service accounts.
const LOOKERS: &[Role] = &[
    Role::Owner,
    Role::Admin,
    Role::Auditor,
    Role::SystemAdministrator,
    Role::SecurityAdministrator,
];
const WATCHERS: &[Role] = &[Role::Owner, Role::Auditor];
const PLATFORM: &[Role] = &[Role::PlatformOperator];

const MATRIX: &[(&str, Access)] = &[
    ("sign_up", Open),
    ("sign_in", Open),
    ("begin_sign_in_with_passkey", Open),
    ("sign_in_with_passkey", Open),
    ("begin_sign_in_with_webauthn", Open),
    ("sign_in_with_webauthn", Open),
    ("sign_in_with_totp", Open),
    ("sign_in_with_recovery_code", Open),
    ("send_sign_in_sms", Open),
    ("sign_in_with_sms", Open),
    ("send_sign_in_email", Open),
    ("sign_in_with_email", Open),
    ("reset_password", Open),
    ("confirm_password_reset", Open),
    ("confirm_email", Open),
    ("undo_email", Open),
    ("change_email", SignedIn),
    ("list_sign_in_providers", Open),
    ("begin_provider_sign_in", Open),
    ("complete_provider_sign_in", Open),
    ("refresh_session", Open),
    ("accept_invitation", Open),
    ("begin_step_up", SignedIn),
    ("send_step_up", SignedIn),
    ("step_up", SignedIn),
    ("change_password", SignedIn),
    ("sign_out", SignedIn),
    ("read_jwks", Open),
    ("read_openid_configuration", Open),
    ("read_oauth_metadata", Open),
    ("begin_authorization", Open),
    ("decide_authorization", SignedIn),
    ("issue_oauth_token", Open),
    ("start_device_authorization", Open),
    ("decide_device_authorization", SignedIn),
    ("introspect_oauth_token", Open),
    ("revoke_oauth_token", Open),
    ("read_userinfo", SignedIn),
    ("list_oauth_clients", Roles(KEEPERS)),
    ("create_oauth_client", Roles(MANAGERS)),
    ("read_oauth_client", Roles(KEEPERS)),
    ("modify_oauth_client", Roles(MANAGERS)),
    ("renew_oauth_client_secret", Roles(MANAGERS)),
    ("delete_oauth_client", Roles(MANAGERS)),
    ("read_me", SignedIn),
    ("modify_me", SignedIn),
    ("export_me", SignedIn),
    ("list_users", Roles(KEEPERS)),
    ("read_user", Roles(KEEPERS)),
    ("modify_user", Roles(MANAGERS)),
    ("delete_user", Roles(MANAGERS)),
    ("export_user", Roles(MANAGERS)),
    ("list_groups", Roles(KEEPERS)),
    ("create_group", Roles(MANAGERS)),
    ("read_group", Roles(KEEPERS)),
    ("modify_group", Roles(MANAGERS)),
    ("delete_group", Roles(MANAGERS)),
    ("list_group_members", Roles(KEEPERS)),
    ("add_group_member", Roles(MANAGERS)),
    ("remove_group_member", Roles(MANAGERS)),
    ("list_invitations", Roles(KEEPERS)),
    ("create_invitation", Roles(MANAGERS)),
    ("delete_invitation", Roles(MANAGERS)),
    ("list_identity_providers", Roles(KEEPERS)),
    ("create_identity_provider", Roles(MANAGERS)),
    ("read_identity_provider", Roles(KEEPERS)),
    ("modify_identity_provider", Roles(MANAGERS)),
    ("delete_identity_provider", Roles(MANAGERS)),
    ("test_identity_provider", Roles(MANAGERS)),
    ("list_my_identities", SignedIn),
    ("link_identity", SignedIn),
    ("confirm_identity", SignedIn),
    ("unlink_identity", SignedIn),
    ("list_factors", SignedIn),
    ("read_factor", SignedIn),
    ("modify_factor", SignedIn),
    ("enrol_webauthn", SignedIn),
    ("confirm_webauthn", SignedIn),
    ("enrol_totp", SignedIn),
    ("confirm_totp", SignedIn),
    ("enrol_sms_factor", SignedIn),
    ("confirm_sms_factor", SignedIn),
    ("enrol_email_factor", SignedIn),
    ("confirm_email_factor", SignedIn),
    ("renew_recovery_codes", SignedIn),
    ("delete_factor", SignedIn),
    ("read_duties_policy", Roles(KEEPERS)),
    ("modify_duties_policy", Roles(MANAGERS)),
    ("read_sign_in_policy", Roles(KEEPERS)),
    ("modify_sign_in_policy", Roles(MANAGERS)),
    ("read_password_policy", Roles(KEEPERS)),
    ("modify_password_policy", Roles(MANAGERS)),
    ("list_service_accounts", Roles(LOOKERS)),
    ("create_service_account", Roles(BUILDERS)),
    ("read_service_account", Roles(LOOKERS)),
    ("modify_service_account", Roles(BUILDERS)),
    ("delete_service_account", Roles(BUILDERS)),
    ("list_account_api_keys", Roles(LOOKERS)),
    ("create_account_api_key", Roles(BUILDERS)),
    ("read_account_api_key", Roles(LOOKERS)),
    ("delete_account_api_key", Roles(BUILDERS)),
    ("list_account_credentials", Roles(LOOKERS)),
    ("create_account_credential", Roles(BUILDERS)),
    ("delete_account_credential", Roles(BUILDERS)),
    ("list_my_sessions", SignedIn),
    ("delete_my_sessions", SignedIn),
    ("delete_my_session", SignedIn),
    ("list_user_sessions", Roles(KEEPERS)),
    ("delete_user_sessions", Roles(MANAGERS)),
    ("list_my_api_keys", SignedIn),
    ("create_my_api_key", SignedIn),
    ("read_my_api_key", SignedIn),
    ("delete_my_api_key", SignedIn),
    ("list_projects", SignedIn),
    ("create_project", Roles(BUILDERS)),
    ("read_project", Roles(EVERY)),
    ("modify_project", Roles(BUILDERS)),
    ("delete_project", Roles(BUILDERS)),
    ("list_roles", Roles(EVERY)),
    ("create_role", Roles(MANAGERS)),
    ("read_role", Roles(EVERY)),
    ("modify_role", Roles(MANAGERS)),
    ("delete_role", Roles(MANAGERS)),
    ("list_role_bindings", Roles(KEEPERS)),
    ("create_role_binding", Roles(MANAGERS)),
    ("read_role_binding", Roles(KEEPERS)),
    ("delete_role_binding", Roles(MANAGERS)),
    ("explain_permission", SignedIn),
    ("read_tenant", SignedIn),
    ("delete_tenant", Roles(&[Role::Owner, Role::SecurityAdministrator])),
    ("read_tenant_keys", Roles(WATCHERS)),
    ("rotate_tenant_keys", Roles(&[Role::Owner, Role::SecurityAdministrator])),
    ("set_external_key", Roles(&[Role::Owner, Role::SecurityAdministrator])),
    (
        "remove_external_key",
        Roles(&[Role::Owner, Role::SecurityAdministrator]),
    ),
    ("read_key_providers", Roles(PLATFORM)),
    ("list_tenants", Roles(PLATFORM)),
    ("read_tenant_record", Roles(PLATFORM)),
    ("list_operator_access", Roles(KEEPERS)),
    ("read_operator_access", Roles(KEEPERS)),
    ("approve_operator_access", Roles(MANAGERS)),
    ("refuse_operator_access", Roles(MANAGERS)),
    ("end_operator_access", Roles(MANAGERS)),
    ("list_tenant_access", Roles(PLATFORM)),
    ("request_tenant_access", Roles(PLATFORM)),
    ("end_tenant_access", Roles(PLATFORM)),
    ("open_break_glass", Roles(PLATFORM)),
    ("confirm_break_glass", Roles(PLATFORM)),
    ("list_vms", Roles(EVERY)),
    ("create_vm", Roles(RUNNERS)),
    ("read_vm", Roles(EVERY)),
    ("modify_vm", Roles(RUNNERS)),
    ("delete_vm", Roles(RUNNERS)),
    ("start_vm", Roles(RUNNERS)),
    ("stop_vm", Roles(RUNNERS)),
    ("reboot_vm", Roles(RUNNERS)),
    ("read_vm_console", Roles(RUNNERS)),
    ("read_vm_placement", Roles(EVERY)),
    ("list_operations", SignedIn),
    ("read_operation", Roles(EVERY)),
    ("list_quotas", SignedIn),
    ("read_tenant_quota", Roles(PLATFORM)),
    ("modify_tenant_quota", Roles(PLATFORM)),
    ("list_flavors", SignedIn),
    ("read_flavor", SignedIn),
    ("list_system_flavors", SignedIn),
    ("create_flavor", Roles(PLATFORM)),
    ("delete_flavor", Roles(PLATFORM)),
    ("list_images", SignedIn),
    ("read_image", SignedIn),
    ("list_system_images", SignedIn),
    ("create_image", Roles(PLATFORM)),
    ("delete_image", Roles(PLATFORM)),
    ("list_pools", Roles(PLATFORM)),
    ("create_pool", Roles(PLATFORM)),
    ("read_pool", Roles(PLATFORM)),
    ("modify_pool", Roles(PLATFORM)),
    ("delete_pool", Roles(PLATFORM)),
    ("list_hosts", Roles(PLATFORM)),
    ("read_host", Roles(PLATFORM)),
    ("modify_host", Roles(PLATFORM)),
    ("delete_host", Roles(PLATFORM)),
    ("list_enrolments", Roles(PLATFORM)),
    ("create_enrolment", Roles(PLATFORM)),
    ("delete_enrolment", Roles(PLATFORM)),
    ("enrol_host", Certificate),
    ("start_host_session", Certificate),
    ("read_desired", Certificate),
    ("report_observed", Certificate),
    ("download_image_file", Certificate),
    ("list_dead_letters", Roles(PLATFORM)),
    ("read_dead_letter", Roles(PLATFORM)),
    ("replay_dead_letter", Roles(PLATFORM)),
    ("replay_dead_letters", Roles(PLATFORM)),
    ("drop_dead_letter", Roles(PLATFORM)),
    ("list_audit_events", Roles(WATCHERS)),
    ("read_audit_event", Roles(WATCHERS)),
    ("read_audit_export", Roles(WATCHERS)),
    ("list_audit_checkpoints", Roles(WATCHERS)),
    ("read_audit_checkpoint", Roles(WATCHERS)),
    ("read_audit_inclusion_proof", Roles(WATCHERS)),
    ("read_audit_consistency_proof", Roles(WATCHERS)),
    ("list_audit_heads", Roles(WATCHERS)),
    ("read_audit_head", Roles(WATCHERS)),
    ("list_audit_register_checkpoints", Roles(WATCHERS)),
    ("read_audit_register_checkpoint", Roles(WATCHERS)),
    ("read_audit_register_consistency_proof", Roles(WATCHERS)),
    ("list_audit_register_leaves", Roles(WATCHERS)),
    ("list_audit_keys", Roles(WATCHERS)),
    ("read_audit_retention", Roles(WATCHERS)),
    ("modify_audit_retention", Roles(WATCHERS)),
    ("list_audit_holds", Roles(WATCHERS)),
    ("create_audit_hold", Roles(WATCHERS)),
    ("lift_audit_hold", Roles(WATCHERS)),
    ("read_audit_compliance", Roles(WATCHERS)),
    ("read_audit_evidence_pack", Roles(WATCHERS)),
    ("read_processing_register", Roles(WATCHERS)),
    ("read_audit_breach_pack", Roles(WATCHERS)),
    ("stream_events", SignedIn),
    ("list_webhooks", Roles(LOOKERS)),
    ("create_webhook", Roles(BUILDERS)),
    ("read_webhook", Roles(LOOKERS)),
    ("modify_webhook", Roles(BUILDERS)),
    ("delete_webhook", Roles(BUILDERS)),
    ("rotate_webhook_secret", Roles(BUILDERS)),
    ("test_webhook", Roles(BUILDERS)),
    ("list_webhook_deliveries", Roles(LOOKERS)),
    ("redeliver_event", Roles(BUILDERS)),
];

pub const CALLERS: [Role; 8] = [
    Role::Owner,
    Role::Admin,
    Role::Operator,
    Role::Viewer,
    Role::Auditor,
    Role::SystemAdministrator,
    Role::SecurityAdministrator,
    Role::PlatformOperator,
];

fn access(op: &Op) -> Access {
    let row = MATRIX.iter().find(|(id, _)| *id == op.id);
    row.unwrap_or_else(|| panic!("{} has no row in the access matrix", op.id))
        .1
}

/// Is nobody asked who they are?
pub fn is_open(op: &Op) -> bool {
    access(op) == Open
}

/// Is it for whoever is signed in, or some of them?
pub fn is_for_callers(op: &Op) -> bool {
    !matches!(access(op), Open | Certificate)
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let operations: BTreeSet<String> = operations().into_iter().map(|op| op.id).collect();
    let rows: BTreeSet<String> = MATRIX.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(operations, rows);
}

/// What is deleted whatever state it is in.
const UNGUARDED: &[&str] = &[
    // A machine changes by itself all the time, and is no configuration.
    "delete_vm",
    // A permission never changes, and it must be quick to take back.
    "delete_enrolment",
    "delete_invitation",
    // Somebody is in a group or is not: there is no other state.
    "add_group_member",
    "remove_group_member",
    // What one is called oneself is nobody else's change to lose.
    "modify_me",
    // Where a tenant keeps its key is set whole and proven; whoever is shut out could not read what it was before.
    "set_external_key",
    "remove_external_key",
    // A lost factor must be quick to take away, whatever it is called meanwhile.
    "delete_factor",
    // A link never changes, and one that is not wanted must be quick to take away.
    "unlink_identity",
    // A key never changes either.
    "delete_my_api_key",
    "delete_account_api_key",
    "delete_account_credential",
    // A binding never changes either.
    "delete_role_binding",
    // A session must be quick to end, whatever happened in it meanwhile.
    "delete_my_session",
    "delete_my_sessions",
    "delete_user_sessions",
];

#[test]
fn what_changes_or_deletes_configuration_asks_for_the_state_that_was_read() {
    use reqwest::Method;
    let changing = [Method::PUT, Method::PATCH, Method::DELETE];
    let operations = operations().into_iter().filter(|op| changing.contains(&op.method));
    for op in operations {
        assert_eq!(op.guarded, !UNGUARDED.contains(&op.id.as_str()), "{}", op.id);
    }
}

/// Parameters that name the caller's own project where it can come to no harm, and nothing else that exists.
pub fn params(op: &Op) -> impl Fn(&str) -> String {
    let harmless = op.path != "/api/v1/projects/{project}" || op.method == reqwest::Method::GET;
    move |name: &str| match name {
        "project" if harmless => "default".to_owned(),
        "project" => ProjectId::mint().to_string(),
        "sha256" => "0".repeat(64),
        _ => VmId::mint().to_string(),
    }
}

async fn call(services: &Services, op: &Op, caller: Option<&Caller>) -> Reply {
    services.call(op, &params(op), None, caller).await
}

fn let_in(reply: &Reply) -> bool {
    let status = reply.status.as_u16();
    assert!(status != 405 && status < 500, "{status}: {}", reply.text);
    status != 401 && status != 403
}

#[tokio::test]
async fn each_operation_lets_in_exactly_whom_its_row_names() {
    let services = Services::start().await;
    let tenant = services.bench.tenant("acme").await;
    for op in operations() {
        let access = access(&op);
        let nobody = call(&services, &op, None).await;
        let expected = access == Open;
        assert_eq!(let_in(&nobody), expected, "{} as nobody: {nobody:?}", op.id);
        for role in CALLERS {
            let reply = call(&services, &op, Some(&tenant.caller(role))).await;
            let expected = match access {
                Open => continue,
                SignedIn => true,
                Roles(roles) => roles.contains(&role),
                Certificate => false,
            };
            assert_eq!(
                let_in(&reply),
                expected,
                "{} as {role:?}: {} {}",
                op.id,
                reply.status,
                reply.text
            );
        }
    }
}

#[tokio::test]
async fn a_role_on_another_project_opens_nothing_here() {
    let services = Services::start().await;
    let tenant = services.bench.tenant("acme").await;
    let elsewhere = ProjectId::mint();
    services.bench.project(&tenant, elsewhere, "elsewhere").await;
    let stranger = stranger(&tenant, elsewhere);
    for op in operations().iter().filter(|op| op.path.contains("{project}")) {
        let here = services.call(op, &params(op), body_of(&op.id), Some(&stranger)).await;
        assert!(
            matches!(here.status.as_u16(), 403 | 404),
            "{}: {} {}",
            op.id,
            here.status,
            here.text
        );
    }
}

fn stranger(tenant: &TestTenant, elsewhere: ProjectId) -> Caller {
    tenant.caller_with(vec![Binding::role(Role::Owner, Some(elsewhere))])
}

#[tokio::test]
async fn t49_a_certificate_that_was_never_enrolled_opens_nothing() {
    let services = Services::start().await;
    for op in operations() {
        if access(&op) == Open {
            continue;
        }
        let client = services.client(op.service).bearer(Bearer::Certificate("0".repeat(64)));
        let mut request = client.request(op.method.clone(), &crate::kit::fill(&op.path, &params(&op)));
        if let Some(body) = body_of(&op.id) {
            request = request.json(&body);
        }
        let reply = client.head_of(request).await;
        let refused = matches!(reply.status.as_u16(), 400 | 401 | 403 | 404);
        assert!(refused, "{}: {} {}", op.id, reply.status, reply.text);
    }
}

/// A body each operation would take, as far as it takes one.
pub fn body_of(id: &str) -> Option<serde_json::Value> {
    use serde_json::json;
    match id {
        "create_vm" => Some(json!({"name": "web", "flavor": "small", "image": "tiny"})),
        "modify_vm" => Some(json!({"labels": {"a": "b"}})),
        "modify_project" => Some(json!({"description": "theirs"})),
        _ => None,
    }
}
