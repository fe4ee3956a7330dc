-- Programs that people let act for them: clients, authorization codes, and the sessions that come of them.

create table identity.oauth_clients (
    tenant_id     uuid        not null references identity.tenants (tenant_id),
    client_id     uuid        not null,
    name          text        collate "C" not null check (length(name) between 1 and 100),
    kind          text        not null check (kind in ('confidential', 'public')),
    redirect_uris text[]      not null check (cardinality(redirect_uris) <= 20),
    grant_types   text[]      not null check (cardinality(grant_types) between 1 and 3),
    scopes        text[]      not null check (cardinality(scopes) between 1 and 200),
    -- SHA-256 of its secret; 256 random bits need no slow hash.
    secret_hash   bytea       check (octet_length(secret_hash) = 32),
    -- The public keys it proves itself with instead (RFC 7517).
    jwks          jsonb,
    enabled       boolean     not null default true,
    generation    bigint      not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    primary key (tenant_id, client_id),
    constraint oauth_clients_name unique (tenant_id, name),
    check (num_nonnulls(secret_hash, jwks) = case kind when 'confidential' then 1 else 0 end)
);
-- Whoever comes with a client's id is nobody yet.
create index oauth_clients_by_id on identity.oauth_clients (client_id);
alter table identity.oauth_clients enable row level security;
alter table identity.oauth_clients force row level security;
create policy tenant on identity.oauth_clients
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.oauth_clients to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.oauth_clients to yunshu_identity;
grant select on identity.oauth_clients to yunshu_system;

-- What somebody has allowed a client and it has not come for yet.
create table identity.oauth_codes (
    tenant_id    uuid        not null,
    code_id      uuid        not null,
    -- SHA-256 of the code.
    hash         bytea       not null check (octet_length(hash) = 32),
    -- A client of the tenant, or one that is built in.
    client_id    uuid        not null,
    user_id      uuid        not null,
    -- None where the code came by a device instead of a redirect.
    redirect_uri text        check (length(redirect_uri) <= 2000),
    challenge    text        check (length(challenge) = 43),
    nonce        text        check (length(nonce) <= 255),
    scopes       text[]      not null,
    -- How and when its person signed in.
    methods      text[]      not null,
    auth_time    timestamptz not null,
    factor_at    timestamptz,
    -- The session that it was turned in for.
    session_id   uuid,
    used_at      timestamptz,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    primary key (tenant_id, code_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index oauth_codes_of_user on identity.oauth_codes (tenant_id, user_id);
create index oauth_codes_by_hash on identity.oauth_codes (hash);
create index oauth_codes_by_expiry on identity.oauth_codes (expires_at);
alter table identity.oauth_codes enable row level security;
alter table identity.oauth_codes force row level security;
create policy tenant on identity.oauth_codes
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.oauth_codes to yunshu_system using (true) with check (true);
grant insert on identity.oauth_codes to yunshu_identity;
grant select, update, delete on identity.oauth_codes to yunshu_system;

-- A session may be a client's: it does no more than its scopes say, and ends with its client.
alter table identity.sessions
    add column client_id uuid,
    -- None: all that its person may do.
    add column scopes    text[],
    -- When its person last signed in, where that was before it began.
    add column auth_time timestamptz,
    drop constraint sessions_revoked_why_check,
    add constraint sessions_revoked_why_check
        check (revoked_why in ('logout', 'reuse', 'password', 'revoked', 'disabled', 'client')),
    add check (scopes is null or client_id is not null);

-- Signed proofs of clients (RFC 7523): each is good once.
create table identity.oauth_assertions (
    tenant_id  uuid        not null references identity.tenants (tenant_id),
    -- A client, or a service account.
    client_id  uuid        not null,
    -- SHA-256 of the proof's id.
    jti_hash   bytea       not null check (octet_length(jti_hash) = 32),
    expires_at timestamptz not null,
    primary key (tenant_id, client_id, jti_hash)
);
create index oauth_assertions_by_expiry on identity.oauth_assertions (expires_at);
alter table identity.oauth_assertions enable row level security;
alter table identity.oauth_assertions force row level security;
create policy tenant on identity.oauth_assertions
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.oauth_assertions to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.oauth_assertions to yunshu_system;
