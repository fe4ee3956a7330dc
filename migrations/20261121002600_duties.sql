-- System, security and audit administration, kept apart where a tenant asks for it: by constraints, so that it holds
-- whoever writes, and however many at once.

-- Comparing for equal and unequal in one index: an exclusion constraint below needs both.
create extension if not exists btree_gist;

alter table identity.tenants
    add column duties_apart boolean not null default false,
    add constraint tenants_duties unique (tenant_id, duties_apart);

alter table identity.roles
    -- What its permissions belong to, as the application says when it writes them; several, until it has.
    add column duty text not null default 'several'
        constraint roles_duty_known check (duty in ('none', 'system', 'security', 'audit', 'several')),
    add constraint roles_duty unique (tenant_id, role_id, duty),
    drop constraint roles_not_built_in,
    add constraint roles_not_built_in
        check (name not in ('owner', 'admin', 'operator', 'viewer', 'auditor', 'system-administrator',
                            'security-administrator', 'platform-operator', 'anyone', 'system'));

-- The roles that tenants have made before. The owner sees no tenant's rows while it is held to row security.
alter table identity.roles no force row level security;
update identity.roles r set duty = coalesce((
    select case when count(distinct d.duty) > 1 then 'several' else min(d.duty) end
    from (values
        ('security', 'tenant', 'create'),
        ('security', 'user', 'modify'), ('security', 'user', 'delete'), ('security', 'user', 'export'),
        ('security', 'group', 'create'), ('security', 'group', 'modify'), ('security', 'group', 'delete'),
        ('security', 'group_member', 'create'), ('security', 'group_member', 'delete'),
        ('security', 'invitation', 'create'), ('security', 'invitation', 'delete'),
        ('security', 'policy', 'modify'), ('security', 'user_session', 'delete'),
        ('security', 'oauth_client', 'create'), ('security', 'oauth_client', 'modify'),
        ('security', 'oauth_client', 'delete'),
        ('security', 'identity_provider', 'create'), ('security', 'identity_provider', 'modify'),
        ('security', 'identity_provider', 'delete'), ('security', 'identity_provider', 'operate'),
        ('security', 'role', 'create'), ('security', 'role', 'modify'), ('security', 'role', 'delete'),
        ('security', 'role_binding', 'create'), ('security', 'role_binding', 'delete'),
        ('system', 'service_account', 'create'), ('system', 'service_account', 'modify'),
        ('system', 'service_account', 'delete'),
        ('system', 'account_key', 'create'), ('system', 'account_key', 'delete'),
        ('system', 'project', 'create'), ('system', 'project', 'modify'), ('system', 'project', 'delete'),
        ('system', 'vm', 'create'), ('system', 'vm', 'modify'), ('system', 'vm', 'delete'), ('system', 'vm', 'operate'),
        ('system', 'console', 'read'),
        ('audit', 'audit', 'list'), ('audit', 'audit', 'read')
    ) d (duty, resource, verb)
    where d.resource || '.' || d.verb = any (r.permissions) or d.resource || '.*' = any (r.permissions)), 'none');

alter table identity.invitations
    drop constraint invitations_role_check,
    add constraint invitations_role_known
        check (role in ('owner', 'admin', 'operator', 'viewer', 'auditor', 'system_administrator',
                        'security_administrator'));

alter table identity.role_bindings
    drop constraint role_bindings_role_check,
    add constraint role_bindings_role_known
        check (role in ('owner', 'admin', 'operator', 'viewer', 'auditor', 'system_administrator',
                        'security_administrator', 'platform_operator')),
    -- Whoever carries it, of whichever kind.
    add column subject_id uuid generated always as (coalesce(user_id, group_id, account_id)) stored,
    -- The duty of the tenant's own role; follows it.
    add column role_duty  text,
    add column duty       text generated always as (
        case role
            when 'owner' then 'several'
            when 'admin' then 'several'
            when 'operator' then 'system'
            when 'system_administrator' then 'system'
            when 'platform_operator' then 'system'
            when 'security_administrator' then 'security'
            when 'auditor' then 'audit'
            when 'viewer' then 'none'
            else role_duty
        end) stored,
    -- The tenant's word; follows it.
    add column apart      boolean not null default false;

alter table identity.role_bindings no force row level security;
update identity.role_bindings b set role_duty = r.duty
from identity.roles r where r.tenant_id = b.tenant_id and r.role_id = b.role_id;
alter table identity.roles force row level security;
alter table identity.role_bindings force row level security;

alter table identity.role_bindings
    add constraint role_bindings_role_duty check ((role_id is null) = (role_duty is null)),
    add constraint role_bindings_duty check (duty is not null),
    add constraint role_bindings_of_role foreign key (tenant_id, role_id, role_duty)
        references identity.roles (tenant_id, role_id, duty) on update cascade,
    add constraint role_bindings_as_the_tenant foreign key (tenant_id, apart)
        references identity.tenants (tenant_id, duties_apart) on update cascade,
    -- Where duties are apart: nobody holds two,
    add constraint role_bindings_one_duty
        exclude using gist (tenant_id with =, subject_id with =, duty with <>) where (apart and duty <> 'none'),
    -- no role combines two,
    add constraint role_bindings_undivided check (not (apart and duty = 'several')),
    -- and none is held through a group, whose members may hold another.
    add constraint role_bindings_in_person check (not (apart and duty <> 'none' and group_id is not null));
