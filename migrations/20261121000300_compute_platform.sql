-- What belongs to the platform itself: pools, hosts, flavors, images. These tables carry no tenant_id and no row
-- security; who may write them is decided by the policy (platform operators only).
create schema compute;
grant usage on schema compute to yunshu_compute, yunshu_system;

create table compute.pools (
    pool_id           uuid             primary key,
    name              text             collate "C" not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    region            text             not null check (length(region) between 1 and 63),
    cpu_overcommit    double precision not null check (cpu_overcommit between 1 and 16),
    memory_overcommit double precision not null check (memory_overcommit between 1 and 2),
    policy            text             not null check (policy in ('spread', 'pack')),
    generation        bigint           not null default 1,
    created_at        timestamptz      not null,
    updated_at        timestamptz      not null,
    constraint pools_name unique (name)
);
grant select, insert, update, delete on compute.pools to yunshu_compute;
grant select on compute.pools to yunshu_system;
-- Only so that it may lock: a host that enrols must not miss a change of its pool's overcommit.
grant update (updated_at) on compute.pools to yunshu_system;

create table compute.hosts (
    host_id         uuid        primary key,
    pool_id         uuid        not null constraint hosts_pool references compute.pools (pool_id),
    name            text        collate "C" not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    -- What tenants see of the host; says nothing of its name.
    alias           text        not null,
    -- SHA-256 of the client certificate (RFC 8705): the host's credential.
    fingerprint     text        not null check (fingerprint ~ '^[0-9a-f]{64}$'),
    simulated       boolean     not null,
    domain_type     text        not null check (domain_type in ('kvm', 'qemu')),
    libvirt_version text        not null check (length(libvirt_version) <= 64),
    agent_version   text        check (length(agent_version) <= 64),
    boot_id         text        check (length(boot_id) <= 64),
    state           text        not null default 'up' check (state in ('up', 'maintenance', 'disabled')),
    -- Which process speaks for the host; one more at each of its starts.
    epoch           bigint      not null default 0,
    -- One more whenever the desired set of the host changes: its long poll waits on it.
    revision        bigint      not null default 1,
    -- What the host has.
    vcpus           integer     not null check (vcpus >= 0),
    memory_mib      integer     not null check (memory_mib >= 0),
    disk_gib        integer     not null check (disk_gib >= 0),
    -- What may be placed on it, after overcommit. May fall below what is used: then nothing more is placed.
    vcpus_cap       integer     not null check (vcpus_cap >= 0),
    memory_mib_cap  integer     not null check (memory_mib_cap >= 0),
    disk_gib_cap    integer     not null check (disk_gib_cap >= 0),
    -- What is placed on it. Claimed by one conditional update.
    vcpus_used      integer     not null default 0 check (vcpus_used >= 0),
    memory_mib_used integer     not null default 0 check (memory_mib_used >= 0),
    disk_gib_used   integer     not null default 0 check (disk_gib_used >= 0),
    -- What it last said of itself.
    cpu_percent     real        check (cpu_percent between 0 and 100),
    memory_used_mib integer     check (memory_used_mib >= 0),
    disk_used_gib   integer     check (disk_used_gib >= 0),
    error_code      text,
    error_detail    text        check (octet_length(error_detail) <= 1024),
    -- By the database's clock: hosts and services need not agree on the time.
    heartbeat_at    timestamptz,
    generation      bigint      not null default 1,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint hosts_name unique (name),
    constraint hosts_alias unique (alias),
    constraint hosts_fingerprint unique (fingerprint)
);
create index hosts_pool on compute.hosts (pool_id, host_id);
grant select, insert, update, delete on compute.hosts to yunshu_compute;
grant select, insert, update on compute.hosts to yunshu_system;

-- One-use permissions to enrol a host. Only the digest of the token is kept.
create table compute.enrolments (
    enrolment_id  uuid        primary key,
    pool_id       uuid        not null references compute.pools (pool_id) on delete cascade,
    token_sha256  bytea       not null check (octet_length(token_sha256) = 32),
    -- In whose audit log the enrolment is written: the operator's who allowed it.
    issuer_tenant uuid        not null,
    issuer        text        not null check (length(issuer) <= 200),
    -- By the database's clock, as every time a token depends on.
    expires_at    timestamptz not null,
    used_at       timestamptz,
    host_id       uuid        references compute.hosts (host_id) on delete set null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint enrolments_token unique (token_sha256)
);
create index enrolments_pool on compute.enrolments (pool_id);
create index enrolments_host on compute.enrolments (host_id);
grant select, insert, delete on compute.enrolments to yunshu_compute;
-- A host's removal forgets which token it came by.
grant update (host_id) on compute.enrolments to yunshu_compute;
grant select, update on compute.enrolments to yunshu_system;

create table compute.flavors (
    flavor_id  uuid        primary key,
    name       text        collate "C" not null check (name ~ '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$'),
    vcpus      integer     not null check (vcpus between 1 and 1024),
    memory_mib integer     not null check (memory_mib between 16 and 16777216),
    -- 0 is no disk, for kernel images only.
    disk_gib   integer     not null check (disk_gib between 0 and 65536),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint flavors_name unique (name)
);
grant select, insert, delete on compute.flavors to yunshu_compute;
grant select on compute.flavors to yunshu_system;

create table compute.images (
    image_id      uuid        primary key,
    name          text        collate "C" not null check (name ~ '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$'),
    kind          text        not null check (kind in ('kernel', 'disk')),
    -- The kernel or the disk.
    file_sha256   text        not null check (file_sha256 ~ '^[0-9a-f]{64}$'),
    file_size     bigint      not null check (file_size > 0),
    initrd_sha256 text        check (initrd_sha256 ~ '^[0-9a-f]{64}$'),
    initrd_size   bigint      check (initrd_size > 0),
    cmdline       text        check (octet_length(cmdline) <= 2048),
    -- How large the disk is to its guest, in bytes.
    virtual_size  bigint      check (virtual_size > 0),
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint images_name unique (name),
    constraint images_kind check (case kind
        when 'kernel' then cmdline is not null and virtual_size is null
                           and (initrd_sha256 is null) = (initrd_size is null)
        else virtual_size is not null and cmdline is null and initrd_sha256 is null and initrd_size is null
    end)
);
-- A host asks for files by their digest.
create index images_file on compute.images (file_sha256);
create index images_initrd on compute.images (initrd_sha256);
grant select, insert, delete on compute.images to yunshu_compute;
grant select on compute.images to yunshu_system;

-- Answers kept for repeated Idempotency-Keys (libs/db). Found through each role's search path.
create table compute.replies (
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
alter table compute.replies enable row level security;
alter table compute.replies force row level security;
create policy tenant on compute.replies
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on compute.replies to yunshu_system using (true) with check (true);
grant select, insert, update, delete on compute.replies to yunshu_compute;
grant select, delete on compute.replies to yunshu_system;
