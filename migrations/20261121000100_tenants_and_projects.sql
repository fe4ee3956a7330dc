-- Tenants and projects: written by identity, read by every service to find its way.
create schema identity;
grant usage on schema identity to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;

create table identity.tenants (
    tenant_id    uuid        primary key,
    name         text        not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    display_name text        not null check (length(display_name) between 1 and 200),
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
-- Global by nature: people sign in with it.
create unique index tenants_name on identity.tenants (name);
alter table identity.tenants enable row level security;
alter table identity.tenants force row level security;
create policy tenant on identity.tenants
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.tenants to yunshu_system using (true) with check (true);
grant select, insert, update on identity.tenants to yunshu_identity;
grant select on identity.tenants to yunshu_compute, yunshu_audit, yunshu_notify;
grant select, insert on identity.tenants to yunshu_system;

create table identity.projects (
    tenant_id   uuid        not null references identity.tenants (tenant_id),
    project_id  uuid        not null,
    name        text        collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    description text        not null default '' check (length(description) <= 1000),
    generation  bigint      not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, project_id),
    constraint projects_name unique (tenant_id, name)
);
alter table identity.projects enable row level security;
alter table identity.projects force row level security;
create policy tenant on identity.projects
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.projects to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.projects to yunshu_identity;
grant select on identity.projects to yunshu_compute, yunshu_audit, yunshu_notify;
grant select, insert on identity.projects to yunshu_system;

-- Answers kept for repeated Idempotency-Keys (libs/db). Found through each role's search path.
create table identity.replies (
    tenant_id   uuid        not null,
    principal   text        not null,
    key         text        not null,
    fingerprint bytea       not null,
    status      smallint,
    headers     jsonb       not null default '[]',
    body        jsonb,
    secret      boolean     not null default false,
    created_at  timestamptz not null default now(),
    primary key (tenant_id, principal, key)
);
alter table identity.replies enable row level security;
alter table identity.replies force row level security;
create policy tenant on identity.replies
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.replies to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.replies to yunshu_identity;
grant select, delete on identity.replies to yunshu_system;
