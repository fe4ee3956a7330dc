-- Virtual machines and what hangs on them. Every table here belongs to tenants, but for `leases`.

create table compute.vms (
    tenant_id           uuid        not null,
    vm_id               uuid        not null,
    project_id          uuid        not null,
    name                text        collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    labels              jsonb       not null default '{}' check (jsonb_typeof(labels) = 'object'),
    -- Flavor and image as they were when it was made: removing either takes nothing from the machine.
    flavor_id           uuid        not null,
    flavor              text        not null,
    vcpus               integer     not null check (vcpus > 0),
    memory_mib          integer     not null check (memory_mib > 0),
    disk_gib            integer     not null check (disk_gib >= 0),
    image_id            uuid        not null,
    image               text        not null,
    boot                jsonb       not null,
    -- What its owner asks of the placement.
    pool_id             uuid,
    policy              text        check (policy in ('spread', 'pack')),
    placement_group     text        check (length(placement_group) between 1 and 63),
    -- Intent. Each change of it raises the generation.
    desired_power       text        not null default 'running' check (desired_power in ('running', 'stopped', 'absent')),
    generation          bigint      not null default 1,
    reboots             integer     not null default 0,
    -- The generation that was given up, by timeout or because the host said it can never be.
    given_up            bigint,
    -- When the present generation is given up; null once it was reached. Database time, as all that follows but
    -- created_at and updated_at.
    due_at              timestamptz,
    -- Placement. Each attempt raises the epoch, and only the attempt that raised it last may write its end.
    host_id             uuid,
    placement_epoch     bigint      not null default 0,
    claimed             boolean     not null default false,
    place_after         timestamptz not null default now(),
    place_attempts      integer     not null default 0,
    -- Observation: the last word of the host about the placement above.
    observed_power      text        check (observed_power in ('running', 'stopped', 'absent', 'unknown')),
    observed_generation bigint      not null default 0,
    observed_epoch      bigint      not null default 0,
    observed_reboots    integer     not null default 0,
    stop_cause          text        check (stop_cause in ('asked', 'guest', 'failed')),
    observed_at         timestamptz,
    -- {code, detail}, for its owner's eyes.
    last_error          jsonb,
    -- The status last told by an event; lists are filtered by it.
    status              text        not null,
    -- One more whenever what its owner sees changes.
    version             bigint      not null default 1,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    primary key (tenant_id, vm_id),
    -- A project with machines in it cannot be removed.
    constraint vms_project foreign key (tenant_id, project_id) references identity.projects (tenant_id, project_id)
);
-- A machine that is going leaves its name to the next.
create unique index vms_name on compute.vms (tenant_id, project_id, name) where desired_power <> 'absent';
create index vms_by_id_in_project on compute.vms (tenant_id, project_id, vm_id);
create index vms_by_name on compute.vms (tenant_id, project_id, name, vm_id);
-- For reconcilers and hosts alone; neither knows tenants.
create index vms_on_host on compute.vms (host_id) where host_id is not null;
create index vms_waiting on compute.vms (place_after) where host_id is null;
create index vms_leaving on compute.vms (updated_at) where desired_power = 'absent';
create index vms_due on compute.vms (due_at) where due_at is not null;
create index vms_by_id on compute.vms (vm_id);
alter table compute.vms enable row level security;
alter table compute.vms force row level security;
create policy tenant on compute.vms
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.vms to yunshu_system using (true) with check (true);
grant select, insert, update on compute.vms to yunshu_compute;
grant select, update, delete on compute.vms to yunshu_system;

-- What a placed machine takes from its host. Inserted in the commit that raises hosts.*_used and deleted in the one that
-- lowers them, so that the sums agree after any crash.
create table compute.allocations (
    tenant_id  uuid        not null,
    vm_id      uuid        not null,
    host_id    uuid        not null,
    epoch      bigint      not null,
    vcpus      integer     not null check (vcpus > 0),
    memory_mib integer     not null check (memory_mib > 0),
    disk_gib   integer     not null check (disk_gib >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, vm_id),
    constraint allocations_vm foreign key (tenant_id, vm_id) references compute.vms (tenant_id, vm_id)
);
create index allocations_host on compute.allocations (host_id);
alter table compute.allocations enable row level security;
alter table compute.allocations force row level security;
create policy tenant on compute.allocations
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.allocations to yunshu_system using (true) with check (true);
grant select on compute.allocations to yunshu_compute;
grant select, insert, delete on compute.allocations to yunshu_system;

-- What a tenant may use and uses. The row comes into being with the first claim; until then the defaults hold.
create table compute.quotas (
    tenant_id        uuid        primary key,
    vms_limit        integer     not null check (vms_limit >= 0),
    vcpus_limit      integer     not null check (vcpus_limit >= 0),
    memory_mib_limit bigint      not null check (memory_mib_limit >= 0),
    disk_gib_limit   bigint      not null check (disk_gib_limit >= 0),
    vms_used         integer     not null default 0 check (vms_used >= 0),
    vcpus_used       integer     not null default 0 check (vcpus_used >= 0),
    memory_mib_used  bigint      not null default 0 check (memory_mib_used >= 0),
    disk_gib_used    bigint      not null default 0 check (disk_gib_used >= 0),
    version          bigint      not null default 1,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);
alter table compute.quotas enable row level security;
alter table compute.quotas force row level security;
create policy tenant on compute.quotas
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.quotas to yunshu_system using (true) with check (true);
grant select, insert, update on compute.quotas to yunshu_compute;
grant select, update on compute.quotas to yunshu_system;

-- Long operations. They outlive the machine they speak of.
create table compute.operations (
    tenant_id    uuid        not null,
    operation_id uuid        not null,
    project_id   uuid        not null,
    kind         text        not null check (length(kind) between 1 and 64),
    vm_id        uuid        not null,
    -- It succeeds when the machine reaches this generation.
    generation   bigint      not null,
    status       text        not null default 'queued'
                 check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    error        jsonb,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    started_at   timestamptz,
    finished_at  timestamptz,
    primary key (tenant_id, operation_id),
    constraint operations_end check ((finished_at is not null) = (status in ('succeeded', 'failed', 'cancelled')))
);
create index operations_open on compute.operations (tenant_id, vm_id) where finished_at is null;
alter table compute.operations enable row level security;
alter table compute.operations force row level security;
create policy tenant on compute.operations
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.operations to yunshu_system using (true) with check (true);
grant select, insert, update on compute.operations to yunshu_compute;
grant select, update, delete on compute.operations to yunshu_system;

-- The end of what a serial port printed, sealed: guests print secrets.
create table compute.consoles (
    tenant_id  uuid        not null,
    vm_id      uuid        not null,
    stream     text        check (length(stream) <= 64),
    next       bigint      not null default 0 check (next >= 0),
    content    bytea       not null,
    updated_at timestamptz not null default now(),
    primary key (tenant_id, vm_id),
    constraint consoles_vm foreign key (tenant_id, vm_id) references compute.vms (tenant_id, vm_id) on delete cascade
);
alter table compute.consoles enable row level security;
alter table compute.consoles force row level security;
create policy tenant on compute.consoles
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.consoles to yunshu_system using (true) with check (true);
grant select on compute.consoles to yunshu_compute;
grant select, insert, update, delete on compute.consoles to yunshu_system;

-- Why a machine stands where it stands, or nowhere: the newest decision.
create table compute.placements (
    tenant_id  uuid        not null,
    vm_id      uuid        not null,
    epoch      bigint      not null,
    record     jsonb       not null,
    decided_at timestamptz not null,
    primary key (tenant_id, vm_id),
    constraint placements_vm foreign key (tenant_id, vm_id) references compute.vms (tenant_id, vm_id) on delete cascade
);
alter table compute.placements enable row level security;
alter table compute.placements force row level security;
create policy tenant on compute.placements
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.placements to yunshu_system using (true) with check (true);
grant select on compute.placements to yunshu_compute;
grant select, insert, update, delete on compute.placements to yunshu_system;

-- Machines that were removed on purpose. A host that still has a domain of one (a disk came back from a backup) is told
-- to remove it; a domain of which nothing is known is left alone.
create table compute.tombstones (
    tenant_id uuid        not null,
    vm_id     uuid        not null,
    epoch     bigint      not null,
    buried_at timestamptz not null default now(),
    primary key (tenant_id, vm_id)
);
create index tombstones_by_id on compute.tombstones (vm_id);
alter table compute.tombstones enable row level security;
alter table compute.tombstones force row level security;
create policy tenant on compute.tombstones
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.tombstones to yunshu_system using (true) with check (true);
grant select, insert, update, delete on compute.tombstones to yunshu_system;

-- Work that only one process may do at a time. The epoch rises with every change of hands; whoever writes under a lease
-- checks it in the same commit. Database time.
create table compute.leases (
    resource   text        primary key check (length(resource) between 1 and 64),
    holder     uuid        not null,
    epoch      bigint      not null,
    expires_at timestamptz not null
);
grant select, insert, update on compute.leases to yunshu_system;
