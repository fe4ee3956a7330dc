-- Where a tenant keeps the key that wraps its tenant key itself (libs/crypto, external.rs), and how that key fares.
create table keys.external_keys (
    tenant_id   uuid        primary key references keys.tenant_keys (tenant_id),
    url         text        not null check (length(url) <= 2048),
    mount       text        not null check (length(mount) <= 64),
    key_name    text        not null check (length(key_name) <= 64),
    namespace   text        check (length(namespace) <= 64),
    ca          text        check (length(ca) <= 32768),
    -- Sealed by the platform's key.
    token       bytea       not null check (length(token) <= 2048),
    -- Raised by each change: what was learned by an earlier address is not written down for a later one.
    generation  integer     not null default 1 check (generation > 0),
    set_at      timestamptz not null,
    -- `away` from the first check that failed on, for whatever reason.
    state       text        not null default 'ok' check (state in ('ok', 'away')),
    state_since timestamptz not null,
    -- Why, in words of ours.
    cause       text        check (length(cause) <= 500),
    checked_at  timestamptz not null,
    renewed_at  timestamptz not null
);
alter table keys.external_keys enable row level security;
alter table keys.external_keys force row level security;
create policy tenant on keys.external_keys
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on keys.external_keys to yunshu_system using (true) with check (true);
-- Every service unwraps by it; what becomes of it is identity's to say.
grant select on keys.external_keys to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;
grant insert, update, delete on keys.external_keys to yunshu_identity;
grant update on keys.external_keys to yunshu_system;
