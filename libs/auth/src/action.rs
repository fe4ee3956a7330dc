//! One type per action.
//!
//! The word is always one of a few (`Create`, `Read`, `List`, `Modify`, `Delete`, `Operate`); the resource gives it
//! meaning. [`Level`] says what the action is asked of: the platform, the tenant, or one project. The roles beside it are the
//! built-in policy; its print is committed ([`print`]), so that a change of rights is seen in review.

#[macro_use]
mod table;

use crate::{Role, RoleSet};

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
    /// The built-in roles that carry it.
    pub roles: RoleSet,
    /// Does it ask for a factor shown of late ("step-up")?
    pub guarded: bool,
    /// Is a credential with scopes good for it only if they name it by its whole name, and an API key without scopes
    /// not at all?
    pub by_name: bool,
}

/// What stands in brackets behind an action's level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Nothing.
    Plain,
    /// `(guarded)`: it asks for a factor shown of late. A key shows none, so it is `by_name` as well.
    Guarded,
    /// `(by_name)`: it changes by what somebody comes in or what they may do, and must be quick all the same.
    ByName,
}

/// An action as a type.
pub trait Action: Send + Sync + 'static {
    /// What is known of it.
    const INFO: &'static Info;
}

actions! {
    /// The tenant itself.
    tenant {
        Create = "tenant.create" on Tenant: Owner, SecurityAdministrator;
        Read = "tenant.read" on Tenant: Anyone;
        Delete = "tenant.delete" on Tenant(guarded): Owner, SecurityAdministrator;
    }
    /// The keys that a tenant's data hangs on.
    tenant_key {
        Read = "tenant_key.read" on Tenant: Owner, Auditor;
        Rotate = "tenant_key.rotate" on Tenant(guarded): Owner, SecurityAdministrator;
        Modify = "tenant_key.modify" on Tenant(guarded): Owner, SecurityAdministrator;
    }
    /// What wraps tenants' keys.
    key_provider {
        Read = "key_provider.read" on Platform: PlatformOperator;
    }
    /// Tenants from outside: their names and numbers.
    tenant_record {
        List = "tenant_record.list" on Platform: PlatformOperator;
        Read = "tenant_record.read" on Platform: PlatformOperator;
    }
    /// Platform operators' access to a tenant's content, as the tenant decides on it.
    operator_access {
        List = "operator_access.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "operator_access.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Approve = "operator_access.approve" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Refuse = "operator_access.refuse" on Tenant(by_name): Owner, Admin, SecurityAdministrator;
        End = "operator_access.end" on Tenant(by_name): Owner, Admin, SecurityAdministrator;
    }
    /// The same, as the platform's operators ask for it and use it.
    tenant_access {
        Request = "tenant_access.request" on Platform(by_name): PlatformOperator;
        List = "tenant_access.list" on Platform: PlatformOperator;
        End = "tenant_access.end" on Platform: PlatformOperator;
        Use = "tenant_access.use" on Platform(by_name): PlatformOperator;
    }
    /// Access in an emergency, which two operators open.
    break_glass {
        Request = "break_glass.request" on Platform(guarded): PlatformOperator;
        Confirm = "break_glass.confirm" on Platform(guarded): PlatformOperator;
    }
    /// The caller's own person and rights.
    me {
        Read = "me.read" on Tenant: Anyone;
        Modify = "me.modify" on Tenant: Anyone;
        Export = "me.export" on Tenant(guarded): Anyone;
    }
    /// People.
    user {
        List = "user.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "user.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Modify = "user.modify" on Tenant(by_name): Owner, Admin, SecurityAdministrator;
        Delete = "user.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Export = "user.export" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Groups of people.
    group {
        Create = "group.create" on Tenant: Owner, Admin, SecurityAdministrator;
        List = "group.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "group.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Modify = "group.modify" on Tenant: Owner, Admin, SecurityAdministrator;
        Delete = "group.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Who is in which group.
    group_member {
        Create = "group_member.create" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        List = "group_member.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Delete = "group_member.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Invitations.
    invitation {
        Create = "invitation.create" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        List = "invitation.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Delete = "invitation.delete" on Tenant(by_name): Owner, Admin, SecurityAdministrator;
        Accept = "invitation.accept" on Tenant: Anyone;
    }
    /// Sign-ins.
    session {
        Create = "session.create" on Tenant(by_name): Anyone;
        Refresh = "session.refresh" on Tenant(by_name): Anyone;
        Delete = "session.delete" on Tenant(by_name): Anyone;
        Recover = "session.recover" on Tenant(by_name): Anyone;
        List = "session.list" on Tenant: Anyone;
        Challenge = "session.challenge" on Tenant(by_name): Anyone;
        StepUp = "session.step_up" on Tenant(by_name): Anyone;
    }
    /// The caller's own e-mail address.
    email {
        Modify = "email.modify" on Tenant(guarded): Anyone;
    }
    /// The caller's own password.
    password {
        Modify = "password.modify" on Tenant(guarded): Anyone;
    }
    /// What the tenant asks of its people.
    policy {
        Read = "policy.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Modify = "policy.modify" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// The caller's own second factors.
    factor {
        List = "factor.list" on Tenant: Anyone;
        Create = "factor.create" on Tenant(guarded): Anyone;
        Modify = "factor.modify" on Tenant(by_name): Anyone;
        Delete = "factor.delete" on Tenant(guarded): Anyone;
    }
    /// Providers that vouch for a tenant's people.
    identity_provider {
        Create = "identity_provider.create" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        List = "identity_provider.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "identity_provider.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Modify = "identity_provider.modify" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Delete = "identity_provider.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Operate = "identity_provider.operate" on Tenant: Owner, Admin, SecurityAdministrator;
    }
    /// Who the caller is at providers.
    external_identity {
        Create = "external_identity.create" on Tenant(guarded): Anyone;
        List = "external_identity.list" on Tenant: Anyone;
        Delete = "external_identity.delete" on Tenant(guarded): Anyone;
    }
    /// The codes for the day a factor is lost.
    recovery_code {
        Create = "recovery_code.create" on Tenant(guarded): Anyone;
    }
    /// The sessions of others.
    user_session {
        List = "user_session.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Delete = "user_session.delete" on Tenant(by_name): Owner, Admin, SecurityAdministrator;
    }
    /// The caller's own API keys.
    api_key {
        Create = "api_key.create" on Tenant(guarded): Anyone;
        List = "api_key.list" on Tenant: Anyone;
        Read = "api_key.read" on Tenant: Anyone;
        Delete = "api_key.delete" on Tenant(by_name): Anyone;
    }
    /// Service accounts: machines with an account of their own.
    service_account {
        Create = "service_account.create" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        List = "service_account.list" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Read = "service_account.read" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Modify = "service_account.modify" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        Delete = "service_account.delete" on Tenant(guarded): Owner, Admin, SystemAdministrator;
    }
    /// The API keys of service accounts.
    account_key {
        Create = "account_key.create" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        List = "account_key.list" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Read = "account_key.read" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Delete = "account_key.delete" on Tenant(by_name): Owner, Admin, SystemAdministrator;
    }
    /// What people let programs do for them (OAuth 2.0).
    authorization {
        Create = "authorization.create" on Tenant(by_name): Anyone;
    }
    /// Programs that people of the tenant may let act for them.
    oauth_client {
        Create = "oauth_client.create" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        List = "oauth_client.list" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "oauth_client.read" on Tenant: Owner, Admin, Auditor, SecurityAdministrator;
        Modify = "oauth_client.modify" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Delete = "oauth_client.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Who somebody is, as `OpenID` Connect tells it.
    userinfo {
        Read = "userinfo.read" on Tenant: Anyone;
    }
    /// Projects.
    project {
        Create = "project.create" on Tenant: Owner, Admin, SystemAdministrator;
        List = "project.list" on Tenant: Anyone;
        Read = "project.read" on Project: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
        Modify = "project.modify" on Project: Owner, Admin, SystemAdministrator;
        Delete = "project.delete" on Project: Owner, Admin, SystemAdministrator;
    }
    /// Roles: those that tenants make themselves, and the built-in ones to read.
    role {
        Create = "role.create" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        List = "role.list" on Tenant: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
        Read = "role.read" on Tenant: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
        Modify = "role.modify" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
        Delete = "role.delete" on Tenant(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Giving roles whose duty is not one's own, and taking them away: for whoever looks after people where duties are apart.
    duty {
        Appoint = "duty.appoint" on Tenant(by_name): Owner, SecurityAdministrator;
    }
    /// Who carries which role, and where.
    role_binding {
        Create = "role_binding.create" on Project(guarded): Owner, Admin, SecurityAdministrator;
        List = "role_binding.list" on Project: Owner, Admin, Auditor, SecurityAdministrator;
        Read = "role_binding.read" on Project: Owner, Admin, Auditor, SecurityAdministrator;
        Delete = "role_binding.delete" on Project(guarded): Owner, Admin, SecurityAdministrator;
    }
    /// Virtual machines.
    vm {
        Create = "vm.create" on Project: Owner, Admin, Operator, SystemAdministrator;
        List = "vm.list" on Project: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
        Read = "vm.read" on Project: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
        Modify = "vm.modify" on Project: Owner, Admin, Operator, SystemAdministrator, System;
        Delete = "vm.delete" on Project: Owner, Admin, Operator, SystemAdministrator, System;
        Operate = "vm.operate" on Project: Owner, Admin, Operator, SystemAdministrator, System;
    }
    /// What a machine's serial port printed: may hold secrets, so more than reading.
    console {
        Read = "console.read" on Project: Owner, Admin, Operator, SystemAdministrator;
    }
    /// Long operations.
    operation {
        List = "operation.list" on Tenant: Anyone;
        Read = "operation.read" on Project: Owner, Admin, Operator, Viewer, Auditor, SystemAdministrator, SecurityAdministrator;
    }
    /// What a tenant may use.
    quota {
        Read = "quota.read" on Tenant: Anyone;
        Modify = "quota.modify" on Platform: PlatformOperator;
    }
    /// Sizes of machines.
    flavor {
        List = "flavor.list" on Tenant: Anyone;
        Read = "flavor.read" on Tenant: Anyone;
        Create = "flavor.create" on Platform: PlatformOperator;
        Delete = "flavor.delete" on Platform: PlatformOperator;
    }
    /// Bootable images.
    image {
        List = "image.list" on Tenant: Anyone;
        Read = "image.read" on Tenant: Anyone;
        Create = "image.create" on Platform: PlatformOperator;
        Delete = "image.delete" on Platform: PlatformOperator;
    }
    /// Pools of hosts.
    pool {
        Create = "pool.create" on Platform: PlatformOperator;
        List = "pool.list" on Platform: PlatformOperator;
        Read = "pool.read" on Platform: PlatformOperator;
        Modify = "pool.modify" on Platform: PlatformOperator;
        Delete = "pool.delete" on Platform: PlatformOperator;
    }
    /// Machines that run virtual machines.
    host {
        Enrol = "host.enrol" on Platform: PlatformOperator;
        List = "host.list" on Platform: PlatformOperator;
        Read = "host.read" on Platform: PlatformOperator;
        Operate = "host.operate" on Platform: PlatformOperator;
        Start = "host.start" on Platform: System;
        Delete = "host.delete" on Platform: PlatformOperator;
    }
    /// Events that a consumer could not apply.
    dead_letter {
        List = "dead_letter.list" on Platform: PlatformOperator;
        Read = "dead_letter.read" on Platform: PlatformOperator;
        Operate = "dead_letter.operate" on Platform(by_name): PlatformOperator;
        Delete = "dead_letter.delete" on Platform(guarded): PlatformOperator;
    }
    /// The audit log.
    audit {
        List = "audit.list" on Tenant: Owner, Auditor;
        Read = "audit.read" on Tenant: Owner, Auditor;
    }
    /// How long the audit log keeps what its entries tell.
    audit_retention {
        Read = "audit_retention.read" on Tenant: Owner, Auditor;
        Modify = "audit_retention.modify" on Tenant(guarded): Owner, Auditor;
    }
    /// Legal holds, while which nothing is erased from the audit log.
    audit_hold {
        List = "audit_hold.list" on Tenant: Owner, Auditor;
        Create = "audit_hold.create" on Tenant(by_name): Owner, Auditor;
        Lift = "audit_hold.lift" on Tenant(guarded): Owner, Auditor;
    }
    /// The live stream of events.
    event {
        Stream = "event.stream" on Tenant: Anyone;
    }
    /// Addresses that are told what happens in the tenant.
    webhook {
        Create = "webhook.create" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        List = "webhook.list" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Read = "webhook.read" on Tenant: Owner, Admin, Auditor, SystemAdministrator, SecurityAdministrator;
        Modify = "webhook.modify" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        Delete = "webhook.delete" on Tenant(by_name): Owner, Admin, SystemAdministrator;
        Rotate = "webhook.rotate" on Tenant(guarded): Owner, Admin, SystemAdministrator;
        Test = "webhook.test" on Tenant: Owner, Admin, SystemAdministrator;
        Redeliver = "webhook.redeliver" on Tenant: Owner, Admin, SystemAdministrator;
    }
    /// Attempts that were refused, as the audit log records them, and why somebody may or may not.
    access {
        Deny = "access.deny" on Tenant: Anyone;
        Explain = "access.explain" on Tenant: Anyone;
    }
}

/// The action of that name.
pub fn named(name: &str) -> Option<&'static Info> {
    ALL.iter().copied().find(|action| action.name == name)
}

/// The policy as text, a line per action.
pub fn print() -> String {
    let mut out = String::new();
    for action in ALL {
        let carry = Role::ALL.iter().filter(|role| action.roles.contains(**role));
        let names: Vec<_> = carry.map(|role| role.name()).collect();
        let level = format!("{:?}", action.level);
        let mark = match (action.guarded, action.by_name) {
            (true, _) => "guarded",
            (false, true) => "by_name",
            (false, false) => "",
        };
        let duty = action.duty().map_or(String::new(), |duty| format!("{duty:?}"));
        let line = format!(
            "{:<24} {level:<9} {mark:<8} {duty:<9} {}\n",
            action.name,
            names.join(" ")
        );
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        let mut names: Vec<_> = ALL.iter().map(|action| action.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    /// What a key without scopes may change of people, machines and rights: what they are called, and groups that carry
    /// nothing yet.
    #[test]
    fn t14_whatever_changes_credentials_or_rights_is_marked() {
        let weighty = [
            "user",
            "group_member",
            "invitation",
            "session",
            "user_session",
            "password",
            "factor",
            "recovery_code",
            "identity_provider",
            "external_identity",
            "api_key",
            "service_account",
            "account_key",
            "authorization",
            "oauth_client",
            "role",
            "role_binding",
            "operator_access",
            "break_glass",
            "duty",
        ];
        let looks = ["list", "read"];
        let open = ALL.iter().filter(|action| {
            let verb = action.name.rsplit('.').next().unwrap();
            weighty.contains(&action.resource) && !looks.contains(&verb) && !action.by_name
        });
        let open: Vec<_> = open.map(|action| action.name).collect();
        // Whoever accepts an invitation has no credential yet, and trying a provider changes nothing.
        assert_eq!(open, ["invitation.accept", "identity_provider.operate"]);
    }

    /// The platform's staff see that tenants are there, and nothing of what is in them: what their role carries is asked of
    /// the platform, and what anyone may is asked of their own tenant.
    #[test]
    fn t18_an_operator_carries_nothing_that_is_a_tenants() {
        let carried = ALL
            .iter()
            .filter(|action| action.roles.contains(Role::PlatformOperator));
        let beyond: Vec<_> = carried
            .filter(|action| action.level != Level::Platform)
            .map(|action| action.name)
            .collect();
        assert!(beyond.is_empty(), "{beyond:?}");
    }

    #[test]
    fn the_committed_print_is_this_table() {
        insta::assert_snapshot!("policy", print());
    }
}
