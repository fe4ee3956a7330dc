//! Every path of identity: the only list. It feeds actix and the `OpenAPI` document.

mod internal;

use web::{Routes, scope};

use crate::api::{
    account_credentials, account_keys, auth, authorize, break_glass, factors, groups, identity_providers, invitations,
    jwks, me, my_identities, my_keys, oauth, oauth_clients, operator_access, policies, projects, role_bindings, roles,
    service_accounts, sessions, tenant, tenant_access, tenant_keys, tenants, users,
};

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config
        .service(jwks::read_jwks)
        .service(oauth::discovery::read_openid_configuration)
        .service(oauth::metadata::read_oauth_metadata)
        .configure(internal::mount);
    config.service(
        scope("/api/v1")
            .configure(signing_in)
            .configure(programs)
            .configure(oneself)
            .configure(the_tenant)
            .configure(the_platform),
    );
}

/// Before anybody is signed in, and out again.
fn signing_in(api: &mut Routes<'_>) {
    api.service(auth::signup::sign_up)
        .service(auth::accept::accept_invitation)
        .service(auth::login::sign_in)
        .service(auth::passkey::begin::begin_sign_in_with_passkey)
        .service(auth::passkey::sign_in_with_passkey)
        .service(auth::mfa::webauthn::begin::begin_sign_in_with_webauthn)
        .service(auth::mfa::webauthn::sign_in_with_webauthn)
        .service(auth::mfa::totp::sign_in_with_totp)
        .service(auth::mfa::recovery::sign_in_with_recovery_code)
        .service(auth::oidc::providers::list_sign_in_providers)
        .service(auth::oidc::begin::begin_provider_sign_in)
        .service(auth::oidc::complete::complete_provider_sign_in)
        .service(auth::mfa::sms::send::send_sign_in_sms)
        .service(auth::mfa::sms::sign_in_with_sms)
        .service(auth::mfa::email::send::send_sign_in_email)
        .service(auth::mfa::email::sign_in_with_email)
        .service(auth::refresh::refresh_session)
        .service(auth::step_up::begin::begin_step_up)
        .service(auth::step_up::send::send_step_up)
        .service(auth::step_up::step_up)
        .service(auth::password::change_password)
        .service(auth::logout::sign_out)
        .service(auth::password_reset::reset_password)
        .service(auth::password_reset::confirm::confirm_password_reset)
        .service(auth::email::confirm::confirm_email)
        .service(auth::email::undo::undo_email);
}

/// Programs that people let act for them (OAuth 2.0, `OpenID` Connect).
fn programs(api: &mut Routes<'_>) {
    api.service(oauth::authorize::authorize)
        .service(oauth::consent::decide_authorization)
        .service(oauth::token::issue_oauth_token)
        .service(oauth::device::start_device_authorization)
        .service(oauth::device::decide::decide_device_authorization)
        .service(oauth::userinfo::read_userinfo)
        .service(oauth::introspect::introspect_oauth_token)
        .service(oauth::revoke::revoke_oauth_token)
        .service(oauth_clients::list::list_oauth_clients)
        .service(oauth_clients::create::create_oauth_client)
        .service(oauth_clients::read::read_oauth_client)
        .service(oauth_clients::modify::modify_oauth_client)
        .service(oauth_clients::renew_secret::renew_oauth_client_secret)
        .service(oauth_clients::delete::delete_oauth_client);
}

/// What everybody may look after: themselves.
fn oneself(api: &mut Routes<'_>) {
    api.service(me::read_me)
        .service(me::modify::modify_me)
        .service(me::export::export_me)
        .service(me::email::change_email)
        .service(factors::list::list_factors)
        .service(factors::webauthn::begin::enrol_webauthn)
        .service(factors::webauthn::confirm::confirm_webauthn)
        .service(factors::enrol::enrol_totp)
        .service(factors::confirm::confirm_totp)
        .service(factors::sent::enrol_sms::enrol_sms_factor)
        .service(factors::sent::confirm_sms::confirm_sms_factor)
        .service(factors::sent::enrol_email::enrol_email_factor)
        .service(factors::sent::confirm_email::confirm_email_factor)
        .service(factors::renew_codes::renew_recovery_codes)
        .service(factors::read::read_factor)
        .service(factors::modify::modify_factor)
        .service(factors::delete::delete_factor)
        .service(my_identities::list::list_my_identities)
        .service(my_identities::link::link_identity)
        .service(my_identities::confirm::confirm_identity)
        .service(my_identities::unlink::unlink_identity)
        .service(sessions::list_mine::list_my_sessions)
        .service(sessions::delete_my_others::delete_my_sessions)
        .service(sessions::delete_mine::delete_my_session)
        .service(sessions::list_users::list_user_sessions)
        .service(sessions::delete_users::delete_user_sessions)
        .service(my_keys::list::list_my_api_keys)
        .service(my_keys::create::create_my_api_key)
        .service(my_keys::read::read_my_api_key)
        .service(my_keys::delete::delete_my_api_key);
}

/// The tenant's people, machines, rights and projects.
fn the_tenant(api: &mut Routes<'_>) {
    api.service(tenant::read::read_tenant)
        .service(tenant::delete::delete_tenant)
        .service(tenant_keys::read::read_tenant_keys)
        .service(tenant_keys::rotate::rotate_tenant_keys)
        .service(tenant_keys::external::set::set_external_key)
        .service(tenant_keys::external::remove::remove_external_key)
        .service(service_accounts::list::list_service_accounts)
        .service(service_accounts::create::create_service_account)
        .service(service_accounts::read::read_service_account)
        .service(service_accounts::modify::modify_service_account)
        .service(service_accounts::delete::delete_service_account)
        .service(account_keys::list::list_account_api_keys)
        .service(account_keys::create::create_account_api_key)
        .service(account_keys::read::read_account_api_key)
        .service(account_keys::delete::delete_account_api_key)
        .service(account_credentials::list::list_account_credentials)
        .service(account_credentials::create::create_account_credential)
        .service(account_credentials::delete::delete_account_credential)
        .service(projects::list::list_projects)
        .service(projects::create::create_project)
        .service(projects::read::read_project)
        .service(projects::modify::modify_project)
        .service(projects::delete::delete_project)
        .service(policies::read_duties::read_duties_policy)
        .service(policies::modify_duties::modify_duties_policy)
        .service(policies::read_sign_in::read_sign_in_policy)
        .service(policies::modify_sign_in::modify_sign_in_policy)
        .service(policies::read_password::read_password_policy)
        .service(policies::modify_password::modify_password_policy)
        .service(users::list::list_users)
        .service(users::read::read_user)
        .service(users::modify::modify_user)
        .service(users::delete::delete_user)
        .service(users::export::export_user)
        .service(groups::list::list_groups)
        .service(groups::create::create_group)
        .service(groups::read::read_group)
        .service(groups::modify::modify_group)
        .service(groups::delete::delete_group)
        .service(groups::members::list::list_group_members)
        .service(groups::members::add::add_group_member)
        .service(groups::members::remove::remove_group_member)
        .service(identity_providers::list::list_identity_providers)
        .service(identity_providers::create::create_identity_provider)
        .service(identity_providers::read::read_identity_provider)
        .service(identity_providers::modify::modify_identity_provider)
        .service(identity_providers::delete::delete_identity_provider)
        .service(identity_providers::test::test_identity_provider)
        .service(invitations::list::list_invitations)
        .service(invitations::create::create_invitation)
        .service(invitations::delete::delete_invitation)
        .service(roles::list::list_roles)
        .service(roles::create::create_role)
        .service(roles::read::read_role)
        .service(roles::modify::modify_role)
        .service(roles::delete::delete_role)
        .service(role_bindings::list::list_role_bindings)
        .service(role_bindings::create::create_role_binding)
        .service(role_bindings::read::read_role_binding)
        .service(role_bindings::delete::delete_role_binding)
        .service(authorize::explain::explain_permission)
        .service(operator_access::list::list_operator_access)
        .service(operator_access::read::read_operator_access)
        .service(operator_access::approve::approve_operator_access)
        .service(operator_access::refuse::refuse_operator_access)
        .service(operator_access::end::end_operator_access);
}

/// For the platform's operators: tenants from outside, and how one comes in.
fn the_platform(api: &mut Routes<'_>) {
    api.service(tenants::list::list_tenants)
        .service(tenants::read::read_tenant_record)
        .service(tenant_keys::providers::read_key_providers)
        .service(tenant_access::list::list_tenant_access)
        .service(tenant_access::request::request_tenant_access)
        .service(tenant_access::end::end_tenant_access)
        .service(break_glass::open::open_break_glass)
        .service(break_glass::confirm::confirm_break_glass);
}
