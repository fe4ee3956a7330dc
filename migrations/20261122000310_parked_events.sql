-- Events of tenants whose keys are away, kept in order for a consumer that needs them (libs/events, park.rs).
create table bus.parked (
    tenant_id  uuid        not null,
    consumer   text        not null,
    xact       xid8        not null,
    seq        bigint      not null,
    event_id   uuid        not null,
    kind       text        not null,
    version    integer     not null,
    subject    text        not null,
    project_id uuid,
    request_id uuid,
    data       jsonb       not null,
    time       timestamptz not null,
    parked_at  timestamptz not null default now(),
    -- How often it could not be applied once the keys were there.
    attempts   integer     not null default 0,
    primary key (tenant_id, consumer, xact, seq)
);
-- A consumer looks whose events wait, across tenants.
create index parked_tenants on bus.parked (consumer, tenant_id);
alter table bus.parked enable row level security;
alter table bus.parked force row level security;
create policy tenant on bus.parked
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on bus.parked to yunshu_system using (true) with check (true);
grant select, insert, update, delete on bus.parked to yunshu_system;
