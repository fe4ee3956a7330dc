-- The audit log. Written by the consumer of audit entries alone, never changed: nobody is granted update or delete.
create schema audit;
grant usage on schema audit to yunshu_audit, yunshu_system;

-- The newest number of each tenant's log. Raised in the commit of the entry, so that a log has no gaps.
create table audit.heads (
    tenant_id uuid   primary key,
    seq       bigint not null check (seq > 0)
);
alter table audit.heads enable row level security;
alter table audit.heads force row level security;
create policy tenant on audit.heads
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.heads to yunshu_system using (true) with check (true);
grant select, insert, update on audit.heads to yunshu_system;

create table audit.events (
    tenant_id   uuid        not null,
    seq         bigint      not null check (seq > 0),
    event_id    uuid        not null,
    time        timestamptz not null,
    actor       text        collate "C" not null,
    action      text        collate "C" not null,
    object      text        collate "C" not null,
    outcome     text        collate "C" not null check (outcome in ('success', 'denied', 'failed')),
    ip          inet,
    request_id  uuid        not null,
    -- Sealed: what changed may be anybody's business but the disk's.
    changes     bytea       not null,
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, seq),
    constraint events_id unique (tenant_id, event_id)
);
-- Each filter walks an index of its own in the order of the list. Refusals are rare, and looked for.
create index events_by_time on audit.events (tenant_id, time, seq);
create index events_by_actor on audit.events (tenant_id, actor, time, seq);
create index events_by_action on audit.events (tenant_id, action, time, seq);
create index events_by_object on audit.events (tenant_id, object, time, seq);
create index events_by_request on audit.events (tenant_id, request_id, time, seq);
create index events_refused on audit.events (tenant_id, outcome, time, seq) where outcome <> 'success';
alter table audit.events enable row level security;
alter table audit.events force row level security;
create policy tenant on audit.events
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.events to yunshu_system using (true) with check (true);
grant select on audit.events to yunshu_audit;
grant select, insert on audit.events to yunshu_system;

-- Entries leave the bus soon after they are in the log: what is oldest is found without looking at anything else.
create index outbox_entries on bus.outbox (xact, seq) where kind = 'audit.recorded';
