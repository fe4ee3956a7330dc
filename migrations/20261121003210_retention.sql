-- How long a tenant's log keeps what its entries tell, and what must be kept whatever that says. The entries themselves stay:
-- the log's tree holds of what they tell no more than a hash over it and a salt, which is erased with it.

create table audit.retention (
    tenant_id  uuid        primary key,
    -- Half a year is what the Cybersecurity Law asks for at least.
    days       integer     not null default 365 check (days between 180 and 36500),
    generation bigint      not null default 1,
    updated_at timestamptz not null default now()
);
alter table audit.retention enable row level security;
alter table audit.retention force row level security;
create policy tenant on audit.retention
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.retention to yunshu_system using (true) with check (true);
grant select, insert, update on audit.retention to yunshu_audit;
grant select, insert, update on audit.retention to yunshu_system;

-- While one is not lifted, nothing is erased.
create table audit.holds (
    tenant_id  uuid        not null,
    hold_id    uuid        not null,
    name       text        not null check (length(name) between 1 and 100),
    reason     text        not null check (length(reason) between 1 and 1000),
    created_at timestamptz not null,
    created_by text        not null,
    lifted_at  timestamptz check (lifted_at >= created_at),
    lifted_by  text,
    primary key (tenant_id, hold_id),
    check ((lifted_at is null) = (lifted_by is null))
);
create index holds_on on audit.holds (tenant_id) where lifted_at is null;
alter table audit.holds enable row level security;
alter table audit.holds force row level security;
create policy tenant on audit.holds
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.holds to yunshu_system using (true) with check (true);
grant select, insert, update on audit.holds to yunshu_audit;
grant select on audit.holds to yunshu_system;

-- What was erased is null; nothing else of an entry may be changed, and no entry removed.
alter table audit.events alter column changes drop not null;
create index events_to_erase on audit.events (tenant_id, time) where changes is not null;
grant update (changes, ip) on audit.events to yunshu_system;

create table audit.replies (
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
alter table audit.replies enable row level security;
alter table audit.replies force row level security;
create policy tenant on audit.replies
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.replies to yunshu_system using (true) with check (true);
grant select, insert, update, delete on audit.replies to yunshu_audit;
grant select, delete on audit.replies to yunshu_system;
