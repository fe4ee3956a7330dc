-- The bus: every service appends, the relay and the consumers read.
create schema bus;
grant usage on schema bus to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify, yunshu_system;

create table bus.outbox (
    tenant_id  uuid        not null,
    event_id   uuid        not null,
    -- Sequence order is not commit order: readers stay below the oldest running transaction, ordered by (xact, seq).
    xact       xid8        not null default pg_current_xact_id(),
    seq        bigint      not null generated always as identity,
    kind       text        not null check (length(kind) between 1 and 64),
    subject    text        not null check (length(subject) <= 512),
    project_id uuid,
    data       jsonb       not null,
    time       timestamptz not null,
    primary key (tenant_id, event_id)
);
create index outbox_order on bus.outbox (xact, seq);
create index outbox_tenant_order on bus.outbox (tenant_id, xact, seq);
alter table bus.outbox enable row level security;
alter table bus.outbox force row level security;
create policy tenant on bus.outbox
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on bus.outbox to yunshu_system using (true) with check (true);
grant insert on bus.outbox to yunshu_identity, yunshu_compute, yunshu_audit, yunshu_notify;
-- The live stream reads what concerns its tenant.
grant select on bus.outbox to yunshu_notify;
grant select, insert, delete on bus.outbox to yunshu_system;

-- How far each consumer has read. One row per consumer; whoever holds its lock reads.
create table bus.cursors (
    consumer text   primary key,
    xact     xid8   not null default '0',
    seq      bigint not null default 0
);
grant select, insert, update on bus.cursors to yunshu_system;

-- What each consumer has done: the effect and this row share a commit.
create table bus.inbox (
    consumer text        not null,
    event_id uuid        not null,
    done_at  timestamptz not null default now(),
    primary key (consumer, event_id)
);
grant select, insert, delete on bus.inbox to yunshu_system;

-- What could not be consumed, with its cause.
create table bus.dead_letters (
    consumer  text        not null,
    event_id  uuid        not null,
    tenant_id uuid        not null,
    kind      text        not null,
    data      jsonb       not null,
    cause     text        not null,
    attempts  integer     not null,
    died_at   timestamptz not null default now(),
    primary key (consumer, event_id)
);
grant select, insert, delete on bus.dead_letters to yunshu_system;
