-- What witnesses have cosigned: whoever believes a witness cannot be shown a history that it was not shown.

-- One line per checkpoint and witness, as it stands in the note. Nobody may change or remove it.
create table audit.cosignatures (
    tenant_id   uuid        not null,
    size        bigint      not null,
    -- The witness's key, as name+id+key.
    witness     text        collate "C" not null check (length(witness) between 1 and 512),
    line        text        not null check (length(line) between 1 and 1024),
    -- When it was made, by the witness's clock.
    cosigned_at timestamptz not null,
    primary key (tenant_id, size, witness),
    foreign key (tenant_id, size) references audit.checkpoints (tenant_id, size)
);
-- How far a witness has come with each log.
create index cosignatures_newest on audit.cosignatures (tenant_id, witness, size);
alter table audit.cosignatures enable row level security;
alter table audit.cosignatures force row level security;
create policy tenant on audit.cosignatures
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on audit.cosignatures to yunshu_system using (true) with check (true);
grant select on audit.cosignatures to yunshu_audit;
grant select, insert on audit.cosignatures to yunshu_system;

-- The witnesses that have cosigned any log, each since its first cosignature.
create table audit.witnesses (
    key       text        collate "C" primary key check (length(key) between 1 and 512),
    from_time timestamptz not null
);
grant select on audit.witnesses to yunshu_audit;
grant select, insert, update on audit.witnesses to yunshu_system;
