-- The register: one log over the heads of all tenants' logs. It is kept as one more log, of the tenant that there is not
-- (00000000-0000-0000-0000-000000000000): its tree, tiles, checkpoints and cosignatures stand where those of the others do.

-- Its leaves, as everybody who reads it sees them: two hashes each, which say of nothing whose it is.
create table audit.register_leaves (
    index bigint primary key check (index >= 0),
    label bytea  not null check (octet_length(label) = 32),
    value bytea  not null check (octet_length(value) = 32)
);
grant select on audit.register_leaves to yunshu_audit;
grant select, insert on audit.register_leaves to yunshu_system;

-- What a tenant recognises its own leaves by, and where that was registered. It tells how often a log was signed for, and nothing
-- of what is in it. Nobody may change or remove it: another one would be another log.
create table audit.blinds (
    tenant_id uuid        primary key,
    blind     bytea       not null check (octet_length(blind) = 32),
    index     bigint      not null check (index >= 0),
    -- In whole seconds, as leaves say times.
    from_time timestamptz not null
);
alter table audit.blinds enable row level security;
alter table audit.blinds force row level security;
create policy tenant on audit.blinds
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.blinds to yunshu_system using (true) with check (true);
grant select on audit.blinds to yunshu_audit;
grant select, insert on audit.blinds to yunshu_system;

-- Which checkpoints were registered, and where.
create table audit.registered (
    tenant_id     uuid        not null,
    size          bigint      not null,
    index         bigint      not null check (index > 0),
    registered_at timestamptz not null,
    primary key (tenant_id, size),
    foreign key (tenant_id, size) references audit.checkpoints (tenant_id, size)
);
alter table audit.registered enable row level security;
alter table audit.registered force row level security;
create policy tenant on audit.registered
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.registered to yunshu_system using (true) with check (true);
grant select on audit.registered to yunshu_audit;
grant select, insert on audit.registered to yunshu_system;
