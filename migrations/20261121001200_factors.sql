-- Second factors, recovery codes, and sign-ins that wait for one.

create table identity.factors (
    tenant_id    uuid        not null,
    factor_id    uuid        not null,
    user_id      uuid        not null,
    kind         text        not null check (kind in ('totp')),
    name         text        not null check (length(name) between 1 and 100),
    -- Its secret, encrypted.
    sealed       bytea       not null,
    -- The last time step whose code was taken: a code is good once, whoever sends it.
    last_step    bigint      not null default 0,
    -- None: its holder has not yet shown that they have it, and it counts for nothing.
    confirmed_at timestamptz,
    used_at      timestamptz,
    generation   bigint      not null default 1,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (tenant_id, factor_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index factors_of_user on identity.factors (tenant_id, user_id);
alter table identity.factors enable row level security;
alter table identity.factors force row level security;
create policy tenant on identity.factors
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.factors to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.factors to yunshu_identity;
grant select, update on identity.factors to yunshu_system;

create table identity.recovery_codes (
    tenant_id  uuid        not null,
    user_id    uuid        not null,
    -- SHA-256 of the code; 120 random bits need no slow hash.
    hash       bytea       not null check (octet_length(hash) = 32),
    used_at    timestamptz,
    created_at timestamptz not null,
    primary key (tenant_id, user_id, hash),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
alter table identity.recovery_codes enable row level security;
alter table identity.recovery_codes force row level security;
create policy tenant on identity.recovery_codes
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.recovery_codes to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.recovery_codes to yunshu_identity;
grant select, update on identity.recovery_codes to yunshu_system;

-- A sign-in whose password was right and whose second factor is due.
create table identity.challenges (
    tenant_id           uuid        not null,
    challenge_id        uuid        not null,
    user_id             uuid        not null,
    -- SHA-256 of the secret that its holder sends back.
    secret_hash         bytea       not null check (octet_length(secret_hash) = 32),
    -- From where the password was shown: an IPv4 address, or the /64 of an IPv6 one.
    network             text        not null,
    -- Which password it was; another since then ends the sign-in.
    password_changed_at timestamptz not null,
    wrong               smallint    not null default 0 check (wrong between 0 and 5),
    -- When it came to its end, whichever.
    over_at             timestamptz,
    created_at          timestamptz not null,
    expires_at          timestamptz not null,
    primary key (tenant_id, challenge_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index challenges_of_user on identity.challenges (tenant_id, user_id);
-- For housekeeping.
create index challenges_by_expiry on identity.challenges (expires_at);
alter table identity.challenges enable row level security;
alter table identity.challenges force row level security;
create policy tenant on identity.challenges
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.challenges to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.challenges to yunshu_system;

-- A person changes their own password. The hash itself stays out of reach.
grant select (tenant_id, user_id, changed_at), update (hash, changed_at) on identity.passwords to yunshu_identity;
