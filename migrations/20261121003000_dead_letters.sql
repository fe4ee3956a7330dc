-- Events say in which shape their data is, and in which request they were written.
alter table bus.outbox
    add column version integer not null default 1 check (version >= 1),
    -- None for workers.
    add column request_id uuid;

-- Letters people work with. Each is reached as its tenant, as every other row of a tenant is.
alter table bus.dead_letters
    add column letter_id  uuid not null default gen_random_uuid(),
    add column version    integer not null default 1,
    add column subject    text not null default '',
    add column project_id uuid,
    add column request_id uuid,
    add column xact       xid8 not null default '0',
    add column seq        bigint not null default 0,
    add column time       timestamptz,
    -- Since when it waits to be applied again; null while nobody has asked for it.
    add column replay_at  timestamptz,
    drop constraint dead_letters_pkey,
    add primary key (tenant_id, consumer, event_id);
update bus.dead_letters set time = died_at;
alter table bus.dead_letters alter column time set not null;
create index dead_letters_by_id on bus.dead_letters (letter_id);
create index dead_letters_asked on bus.dead_letters (consumer, replay_at) where replay_at is not null;

alter table bus.dead_letters enable row level security;
alter table bus.dead_letters force row level security;
create policy tenant on bus.dead_letters
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on bus.dead_letters to yunshu_system using (true) with check (true);
grant update on bus.dead_letters to yunshu_system;
-- Notify answers the platform's operators, who see what a letter is about and never what is in it: no right on `data`.
grant select (tenant_id, letter_id, consumer, event_id, kind, version, subject, project_id, request_id, time, cause,
              attempts, died_at, replay_at)
    on bus.dead_letters to yunshu_notify;
grant update (replay_at), delete on bus.dead_letters to yunshu_notify;

-- Answers kept for repeated Idempotency-Keys (libs/db). Found through the role's search path.
create table notify.replies (
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
alter table notify.replies enable row level security;
alter table notify.replies force row level security;
create policy tenant on notify.replies
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on notify.replies to yunshu_system using (true) with check (true);
grant select, insert, update, delete on notify.replies to yunshu_notify;
grant select, delete on notify.replies to yunshu_system;

-- A relay that is no longer needed leaves its place.
grant delete on bus.cursors to yunshu_system;
