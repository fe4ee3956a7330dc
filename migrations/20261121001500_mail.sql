-- What has to be done for people who are not signed in: requests to look into, and mail to send.

-- Of no tenant: a request may name somebody who does not exist, and then takes as long as any other.
create table identity.errands (
    errand_id  uuid        primary key,
    -- Encrypted: addresses, and links that let people in.
    sealed     bytea       not null,
    attempts   smallint    not null default 0,
    due_at     timestamptz not null,
    -- After that it is pointless.
    expires_at timestamptz not null,
    created_at timestamptz not null
);
create index errands_due on identity.errands (due_at);
grant select, insert, update, delete on identity.errands to yunshu_system;
grant insert on identity.errands to yunshu_identity;

-- Permissions to choose a new password, sent by mail.
create table identity.resets (
    tenant_id  uuid        not null,
    reset_id   uuid        not null,
    user_id    uuid        not null,
    -- SHA-256 of the token.
    token_hash bytea       not null check (octet_length(token_hash) = 32),
    expires_at timestamptz not null,
    used_at    timestamptz,
    created_at timestamptz not null,
    primary key (tenant_id, reset_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index resets_user on identity.resets (tenant_id, user_id);
-- Whoever comes with a token is nobody yet.
create index resets_by_token on identity.resets (token_hash);
create index resets_by_expiry on identity.resets (expires_at);
alter table identity.resets enable row level security;
alter table identity.resets force row level security;
create policy tenant on identity.resets
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.resets to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.resets to yunshu_system;
