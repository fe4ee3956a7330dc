-- People, their passwords, roles and sessions; the keys that sign tokens; the budgets against guessing.

-- The platform's own staff are people of a tenant like any other; its name cannot be signed up for.
select set_config('app.tenant', '00000000-0000-7000-8000-000000000001', true);
insert into identity.tenants (tenant_id, name, display_name, created_at, updated_at)
values ('00000000-0000-7000-8000-000000000001', 'platform', 'Platform', now(), now());

create table identity.users (
    tenant_id    uuid        not null references identity.tenants (tenant_id),
    user_id      uuid        not null,
    -- In lower case: one address, one spelling.
    email        text        collate "C" not null check (length(email) between 3 and 254 and email = lower(email)),
    display_name text        not null check (length(display_name) between 1 and 200),
    enabled      boolean     not null default true,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (tenant_id, user_id),
    constraint users_email unique (tenant_id, email)
);
-- For sign-in, where the tenant may not be named. Not unique: an address may exist in several tenants.
create index users_by_email on identity.users (email);
alter table identity.users enable row level security;
alter table identity.users force row level security;
create policy tenant on identity.users
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.users to yunshu_system using (true) with check (true);
grant select, insert, update on identity.users to yunshu_identity;
grant select, insert, update on identity.users to yunshu_system;

-- Apart from the person, so that reading people never reads a hash.
create table identity.passwords (
    tenant_id  uuid        not null,
    user_id    uuid        not null,
    -- PHC string: algorithm, parameters, salt and hash.
    hash       text        not null check (hash like '$argon2id$%'),
    changed_at timestamptz not null,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
alter table identity.passwords enable row level security;
alter table identity.passwords force row level security;
create policy tenant on identity.passwords
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.passwords to yunshu_system using (true) with check (true);
grant insert on identity.passwords to yunshu_identity;
grant select, insert, update on identity.passwords to yunshu_system;

create table identity.role_bindings (
    tenant_id  uuid        not null,
    binding_id uuid        not null,
    user_id    uuid        not null,
    role       text        not null
               check (role in ('owner', 'admin', 'operator', 'viewer', 'auditor', 'platform_operator')),
    -- None: the whole tenant.
    project_id uuid,
    created_at timestamptz not null,
    primary key (tenant_id, binding_id),
    constraint role_bindings_once unique nulls not distinct (tenant_id, user_id, role, project_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade,
    foreign key (tenant_id, project_id) references identity.projects (tenant_id, project_id) on delete cascade,
    -- Only the platform's own tenant has platform operators.
    constraint role_bindings_platform
        check (role <> 'platform_operator' or tenant_id = '00000000-0000-7000-8000-000000000001')
);
create index role_bindings_project on identity.role_bindings (tenant_id, project_id);
alter table identity.role_bindings enable row level security;
alter table identity.role_bindings force row level security;
create policy tenant on identity.role_bindings
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.role_bindings to yunshu_system using (true) with check (true);
grant select, insert, delete on identity.role_bindings to yunshu_identity;
grant select, insert, delete on identity.role_bindings to yunshu_system;

-- A sign-in: the family of the refresh tokens that descend from it.
create table identity.sessions (
    tenant_id     uuid        not null,
    session_id    uuid        not null,
    user_id       uuid        not null,
    -- Encrypted. From it and a token follows the token's successor, and nothing follows from either alone.
    family_key    bytea       not null,
    -- SHA-256 of the one token that is good now.
    token_hash    bytea       not null check (octet_length(token_hash) = 32),
    -- SHA-256 of its predecessor, from where and when that was turned in: a lost answer is asked for again.
    previous_hash bytea       check (octet_length(previous_hash) = 32),
    rotated_at    timestamptz,
    rotated_from  text,
    address       text,
    created_at    timestamptz not null,
    used_at       timestamptz not null,
    -- Moves with use, never past ends_at.
    expires_at    timestamptz not null,
    ends_at       timestamptz not null,
    revoked_at    timestamptz,
    revoked_why   text        check (revoked_why in ('logout', 'reuse', 'password')),
    primary key (tenant_id, session_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade,
    check ((revoked_at is null) = (revoked_why is null))
);
create index sessions_of_user on identity.sessions (tenant_id, user_id);
-- For the gateway, which asks by session alone, and for housekeeping.
create index sessions_by_id on identity.sessions (session_id);
create index sessions_by_expiry on identity.sessions (expires_at);
alter table identity.sessions enable row level security;
alter table identity.sessions force row level security;
create policy tenant on identity.sessions
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.sessions to yunshu_system using (true) with check (true);
grant select, update on identity.sessions to yunshu_identity;
grant select, insert, update, delete on identity.sessions to yunshu_system;

-- Where a person has signed in from before: there, strangers' guesses elsewhere do not slow them down.
create table identity.known_addresses (
    tenant_id uuid        not null,
    user_id   uuid        not null,
    -- An IPv4 address, or the /64 of an IPv6 one.
    address   text        not null,
    used_at   timestamptz not null,
    primary key (tenant_id, user_id, address),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index known_addresses_by_use on identity.known_addresses (used_at);
alter table identity.known_addresses enable row level security;
alter table identity.known_addresses force row level security;
create policy tenant on identity.known_addresses
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.known_addresses to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.known_addresses to yunshu_system;

-- How often may still be guessed, by the hash of whom and from where. Of no tenant: most guesses name nobody.
create table identity.guesses (
    key     bytea       primary key check (octet_length(key) = 32),
    -- The moment at which the budget is whole again.
    full_at timestamptz not null,
    -- When its exhaustion was last written to the audit log.
    told_at timestamptz
);
create index guesses_by_time on identity.guesses (full_at);
grant select, insert, update, delete on identity.guesses to yunshu_system;

-- The keys that sign access tokens: the newest that has come of age signs, all but retired ones are published.
create table identity.signing_keys (
    kid        text        primary key,
    -- PKCS#8, encrypted.
    sealed     bytea       not null,
    created_at timestamptz not null,
    signs_from timestamptz not null,
    -- From then on it is neither published nor used.
    retired_at timestamptz
);
grant select, insert, update on identity.signing_keys to yunshu_system;

-- Housekeeping locks what it removes.
grant update on identity.replies to yunshu_system;
