-- Each tenant's key, wrapped by a provider of key-encryption keys, and the data keys it wraps (libs/crypto, libs/db).
create schema keys;
grant usage on schema keys to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;

create table keys.tenant_keys (
    tenant_id    uuid        primary key,
    version      integer     not null check (version > 0),
    -- None once it was destroyed. The row stays, so that no other key is ever made for the tenant.
    wrapped      bytea       check (length(wrapped) <= 4096),
    provider     text        collate "C" not null check (length(provider) between 1 and 512),
    created_at   timestamptz not null default now(),
    destroyed_at timestamptz,
    constraint tenant_keys_version unique (tenant_id, version),
    constraint tenant_keys_end check ((wrapped is null) = (destroyed_at is not null))
);
-- Which keys a provider still holds is asked across tenants, while its successor wraps them anew.
create index tenant_keys_by_provider on keys.tenant_keys (provider) where wrapped is not null;
alter table keys.tenant_keys enable row level security;
alter table keys.tenant_keys force row level security;
create policy tenant on keys.tenant_keys
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on keys.tenant_keys to yunshu_system using (true) with check (true);
-- Whoever comes first makes the key; what becomes of it later is identity's to say.
grant select, insert on keys.tenant_keys to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;
grant update on keys.tenant_keys to yunshu_identity, yunshu_system;

create table keys.data_keys (
    tenant_id          uuid        not null,
    purpose            smallint    not null check (purpose between 1 and 255),
    epoch              integer     not null check (epoch > 0),
    wrapped            bytea       not null check (length(wrapped) <= 256),
    tenant_key_version integer     not null,
    created_at         timestamptz not null,
    -- Taken in blocks before they are sealed.
    messages           bigint      not null default 0 check (messages >= 0),
    primary key (tenant_id, purpose, epoch),
    -- A key wrapped by a version that is no more would open nothing: who is too late is refused.
    constraint data_keys_tenant_key foreign key (tenant_id, tenant_key_version)
        references keys.tenant_keys (tenant_id, version) on update cascade
);
alter table keys.data_keys enable row level security;
alter table keys.data_keys force row level security;
create policy tenant on keys.data_keys
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on keys.data_keys to yunshu_system using (true) with check (true);
grant select, insert on keys.data_keys to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;
grant update (messages) on keys.data_keys to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;
grant update (wrapped) on keys.data_keys to yunshu_identity, yunshu_system;
