-- Groups, service accounts, custom roles, conditions on bindings, API keys, and what a tenant asks of its people.

create table identity.groups (
    tenant_id   uuid        not null references identity.tenants (tenant_id),
    group_id    uuid        not null,
    name        text        collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    description text        not null default '' check (length(description) <= 1000),
    generation  bigint      not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, group_id),
    constraint groups_name unique (tenant_id, name)
);
alter table identity.groups enable row level security;
alter table identity.groups force row level security;
create policy tenant on identity.groups
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.groups to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.groups to yunshu_identity;
grant select on identity.groups to yunshu_system;

create table identity.group_members (
    tenant_id  uuid        not null,
    group_id   uuid        not null,
    user_id    uuid        not null,
    created_at timestamptz not null,
    primary key (tenant_id, group_id, user_id),
    foreign key (tenant_id, group_id) references identity.groups (tenant_id, group_id) on delete cascade,
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index group_members_user on identity.group_members (tenant_id, user_id);
alter table identity.group_members enable row level security;
alter table identity.group_members force row level security;
create policy tenant on identity.group_members
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.group_members to yunshu_system using (true) with check (true);
grant select, insert, delete on identity.group_members to yunshu_identity;
grant select on identity.group_members to yunshu_system;

create table identity.service_accounts (
    tenant_id   uuid        not null references identity.tenants (tenant_id),
    account_id  uuid        not null,
    name        text        collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    description text        not null default '' check (length(description) <= 1000),
    enabled     boolean     not null default true,
    generation  bigint      not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, account_id),
    constraint service_accounts_name unique (tenant_id, name)
);
alter table identity.service_accounts enable row level security;
alter table identity.service_accounts force row level security;
create policy tenant on identity.service_accounts
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.service_accounts to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.service_accounts to yunshu_identity;
grant select on identity.service_accounts to yunshu_system;

-- Roles that tenants make themselves; the built-in ones are code.
create table identity.roles (
    tenant_id   uuid        not null references identity.tenants (tenant_id),
    role_id     uuid        not null,
    name        text        collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    description text        not null default '' check (length(description) <= 1000),
    -- Names of actions, or `resource.*`.
    permissions text[]      not null check (cardinality(permissions) between 1 and 200),
    generation  bigint      not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, role_id),
    constraint roles_name unique (tenant_id, name),
    constraint roles_not_built_in
        check (name not in ('owner', 'admin', 'operator', 'viewer', 'auditor', 'platform-operator', 'anyone', 'system'))
);
alter table identity.roles enable row level security;
alter table identity.roles force row level security;
create policy tenant on identity.roles
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.roles to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.roles to yunshu_identity;
grant select on identity.roles to yunshu_system;

-- A binding has one subject and one role, built in or custom.
alter table identity.role_bindings
    alter column user_id drop not null,
    alter column role drop not null,
    add column group_id       uuid,
    add column account_id     uuid,
    add column role_id        uuid,
    -- Conditions: it counts before that time, from these networks, so long after a factor was shown.
    add column until          timestamptz,
    add column networks       cidr[]   not null default '{}' check (cardinality(networks) <= 50),
    add column factor_minutes smallint check (factor_minutes between 1 and 1440),
    add constraint role_bindings_subject check (num_nonnulls(user_id, group_id, account_id) = 1),
    add constraint role_bindings_role check (num_nonnulls(role, role_id) = 1),
    add foreign key (tenant_id, group_id) references identity.groups (tenant_id, group_id) on delete cascade,
    add foreign key (tenant_id, account_id)
        references identity.service_accounts (tenant_id, account_id) on delete cascade,
    -- A role that is bound stays.
    add foreign key (tenant_id, role_id) references identity.roles (tenant_id, role_id),
    drop constraint role_bindings_once,
    add constraint role_bindings_once
        unique nulls not distinct (tenant_id, user_id, group_id, account_id, role, role_id, project_id);
create index role_bindings_group on identity.role_bindings (tenant_id, group_id) where group_id is not null;
create index role_bindings_account on identity.role_bindings (tenant_id, account_id) where account_id is not null;
create index role_bindings_custom on identity.role_bindings (tenant_id, role_id) where role_id is not null;

alter table identity.users
    add column generation bigint      not null default 1,
    -- When they last signed in or used a key.
    add column seen_at    timestamptz;
grant delete on identity.users to yunshu_identity;

alter table identity.sessions
    -- When the strongest factor that the person has was last shown.
    add column factor_at timestamptz,
    -- The methods by which the session was begun, and was confirmed since (RFC 8176).
    add column methods   text[] not null default '{pwd}',
    -- What the client called itself, and from where it was last heard.
    add column agent     text   not null default '' check (length(agent) <= 200),
    add column used_from text,
    drop constraint sessions_revoked_why_check,
    add constraint sessions_revoked_why_check
        check (revoked_why in ('logout', 'reuse', 'password', 'revoked', 'disabled'));

-- What a tenant asks of its people. No row: the defaults.
create table identity.policies (
    tenant_id        uuid        primary key references identity.tenants (tenant_id),
    -- Minutes a factor is fresh enough for guarded actions; 0: always.
    step_up_minutes  smallint    not null default 15 check (step_up_minutes between 0 and 1440),
    -- Who must have a second factor.
    second_factor    text        not null default 'optional' check (second_factor in ('optional', 'privileged', 'everyone')),
    password_profile text        not null default 'nist' check (password_profile in ('nist', 'mlps3')),
    generation       bigint      not null default 1,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);
alter table identity.policies enable row level security;
alter table identity.policies force row level security;
create policy tenant on identity.policies
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.policies to yunshu_system using (true) with check (true);
grant select, insert, update on identity.policies to yunshu_identity;
grant select on identity.policies to yunshu_system;

create table identity.api_keys (
    tenant_id   uuid        not null,
    key_id      uuid        not null,
    -- Whom it stands for.
    user_id     uuid,
    account_id  uuid,
    name        text        not null check (length(name) between 1 and 100),
    -- SHA-256 of the secret; 256 random bits need no slow hash.
    secret_hash bytea       not null check (octet_length(secret_hash) = 32),
    -- The only actions it is good for; none: all that its principal may do.
    scopes      text[]      check (cardinality(scopes) between 1 and 200),
    -- The only project it is good for.
    project_id  uuid,
    networks    cidr[]      not null default '{}' check (cardinality(networks) <= 50),
    expires_at  timestamptz,
    used_at     timestamptz,
    used_from   text,
    revoked_at  timestamptz,
    generation  bigint      not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, key_id),
    constraint api_keys_principal check (num_nonnulls(user_id, account_id) = 1),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade,
    foreign key (tenant_id, account_id)
        references identity.service_accounts (tenant_id, account_id) on delete cascade,
    foreign key (tenant_id, project_id) references identity.projects (tenant_id, project_id) on delete cascade
);
create index api_keys_user on identity.api_keys (tenant_id, user_id) where user_id is not null;
create index api_keys_account on identity.api_keys (tenant_id, account_id) where account_id is not null;
-- For the gateway, which asks by key alone.
create index api_keys_by_id on identity.api_keys (key_id);
alter table identity.api_keys enable row level security;
alter table identity.api_keys force row level security;
create policy tenant on identity.api_keys
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.api_keys to yunshu_system using (true) with check (true);
grant select, insert, update on identity.api_keys to yunshu_identity;
grant select, update (used_at, used_from) on identity.api_keys to yunshu_system;
