-- Webhooks: what happens in a tenant is told to addresses that the tenant names.

create table notify.webhooks (
    tenant_id       uuid        not null,
    webhook_id      uuid        not null,
    name            text        not null check (length(name) between 1 and 63),
    -- In the clear: whoever may read webhooks sees it, and the log names it.
    url             text        not null check (length(url) between 1 and 2048),
    -- As `GET /events?types=` takes them; none: all.
    types           text[]      not null check (cardinality(types) <= 50),
    enabled         boolean     not null,
    -- Why it does not send; none while it does.
    disabled_reason text        check (disabled_reason in ('asked', 'gone', 'failing')),
    -- What deliveries are signed with, sealed; while it is being changed, the one before as well.
    secret          bytea       not null,
    previous_secret bytea,
    previous_until  timestamptz,
    -- Since when nothing has arrived, and how many tries that was.
    failing_since   timestamptz,
    failures        integer     not null default 0 check (failures >= 0),
    -- It is left alone until then.
    rest_until      timestamptz,
    -- When the next delivery is due; none: nothing waits.
    due_at          timestamptz,
    -- Whoever sends holds it until then. Each claim has its number, and a write of an older one changes nothing.
    claimed_until   timestamptz,
    claim           bigint      not null default 0,
    generation      bigint      not null default 1,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    primary key (tenant_id, webhook_id),
    constraint webhooks_name unique (tenant_id, name),
    check (enabled = (disabled_reason is null)),
    check ((previous_secret is null) = (previous_until is null)),
    check ((failing_since is null) = (failures = 0))
);
-- Senders look across tenants.
create index webhooks_due on notify.webhooks (due_at) where due_at is not null;
alter table notify.webhooks enable row level security;
alter table notify.webhooks force row level security;
create policy tenant on notify.webhooks
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on notify.webhooks to yunshu_system using (true) with check (true);
grant select, insert, delete, update (name, url, types, enabled, disabled_reason, secret, previous_secret, previous_until,
    failing_since, failures, rest_until, due_at, generation, updated_at) on notify.webhooks to yunshu_notify;
grant select, update on notify.webhooks to yunshu_system;

-- What is to be told, and what became of it. What is told is not here: it is read from the bus when it is sent.
create table notify.deliveries (
    tenant_id    uuid        not null,
    delivery_id  uuid        not null,
    webhook_id   uuid        not null,
    event_id     uuid        not null,
    kind         text        not null check (length(kind) between 1 and 64),
    state        text        not null check (state in ('pending', 'delivered', 'failed', 'dropped')),
    -- Tries since it was last asked for.
    attempts     integer     not null default 0 check (attempts >= 0),
    next_at      timestamptz,
    -- What came of the last try: a status, or one of a few words.
    status       smallint,
    error        text        check (length(error) between 1 and 40),
    created_at   timestamptz not null,
    delivered_at timestamptz,
    primary key (tenant_id, delivery_id),
    constraint deliveries_once unique (tenant_id, webhook_id, event_id),
    foreign key (tenant_id, webhook_id) references notify.webhooks (tenant_id, webhook_id) on delete cascade,
    check ((state = 'pending') = (next_at is not null))
);
create index deliveries_of_webhook on notify.deliveries (tenant_id, webhook_id, delivery_id);
create index deliveries_waiting on notify.deliveries (tenant_id, webhook_id, next_at) where state = 'pending';
-- For housekeeping.
create index deliveries_by_age on notify.deliveries (created_at);
alter table notify.deliveries enable row level security;
alter table notify.deliveries force row level security;
create policy tenant on notify.deliveries
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on notify.deliveries to yunshu_system using (true) with check (true);
grant select, insert, update (state, attempts, next_at, status, error, delivered_at) on notify.deliveries to yunshu_notify;
grant select, insert, update, delete on notify.deliveries to yunshu_system;
