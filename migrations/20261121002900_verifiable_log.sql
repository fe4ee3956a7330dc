-- Each tenant's log is a Merkle tree (RFC 9162): whoever keeps a checkpoint finds any later change to what it covers.

-- What an entry tells is bound by a hash over a random salt and the content. Both are sealed together: without the key
-- the hash tells nothing, and sealing anew under another key does not change the log.
alter table audit.events add column salted boolean not null default false;
alter table audit.events add column commitment bytea;
-- Entries from before have no salt. Their ciphertext stands for what they tell.
alter table audit.events no force row level security;
update audit.events set commitment = sha256(changes);
alter table audit.events force row level security;
alter table audit.events
    alter column salted drop default,
    alter column commitment set not null,
    add constraint events_commitment check (octet_length(commitment) = 32);

-- How far each tree has grown.
create table audit.trees (
    tenant_id uuid        primary key,
    size      bigint      not null check (size >= 0),
    grown_at  timestamptz not null
);
alter table audit.trees enable row level security;
alter table audit.trees force row level security;
create policy tenant on audit.trees
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.trees to yunshu_system using (true) with check (true);
grant select, insert, update on audit.trees to yunshu_system;

-- The hashes of a tree in tiles of 256 (the layout of tlog-tiles). A full tile never changes; the last of a level grows.
create table audit.tiles (
    tenant_id uuid     not null,
    level     smallint not null check (level between 0 and 7),
    index     bigint   not null check (index >= 0),
    hashes    bytea    not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
    primary key (tenant_id, level, index)
);
alter table audit.tiles enable row level security;
alter table audit.tiles force row level security;
create policy tenant on audit.tiles
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.tiles to yunshu_system using (true) with check (true);
grant select on audit.tiles to yunshu_audit;
grant select, insert, update on audit.tiles to yunshu_system;

-- What the log has signed: nobody may change or remove it.
create table audit.checkpoints (
    tenant_id  uuid        not null,
    size       bigint      not null check (size > 0),
    root       bytea       not null check (octet_length(root) = 32),
    note       text        not null,
    created_at timestamptz not null,
    primary key (tenant_id, size)
);
alter table audit.checkpoints enable row level security;
alter table audit.checkpoints force row level security;
create policy tenant on audit.checkpoints
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.checkpoints to yunshu_system using (true) with check (true);
grant select on audit.checkpoints to yunshu_audit;
grant select, insert on audit.checkpoints to yunshu_system;

-- The keys that have signed, from when until when. The newest has no end.
create table audit.log_keys (
    key        text        primary key check (length(key) between 1 and 512),
    from_time  timestamptz not null,
    until_time timestamptz check (until_time >= from_time)
);
create unique index log_keys_in_use on audit.log_keys ((true)) where until_time is null;
grant select on audit.log_keys to yunshu_audit;
grant select, insert, update on audit.log_keys to yunshu_system;
