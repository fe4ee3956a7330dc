-- How service accounts come to access tokens by themselves (client credentials), and the sessions that come of it.

create table identity.account_credentials (
    tenant_id     uuid        not null,
    credential_id uuid        not null,
    account_id    uuid        not null,
    name          text        not null check (length(name) between 1 and 100),
    -- SHA-256 of a secret, or a public key (RFC 7517).
    secret_hash   bytea       check (octet_length(secret_hash) = 32),
    jwk           jsonb,
    -- None: until it is removed.
    expires_at    timestamptz,
    created_at    timestamptz not null,
    primary key (tenant_id, credential_id),
    foreign key (tenant_id, account_id) references identity.service_accounts (tenant_id, account_id) on delete cascade,
    check (num_nonnulls(secret_hash, jwk) = 1)
);
create index account_credentials_of_account on identity.account_credentials (tenant_id, account_id);
-- A machine names its account before its tenant is known.
create index account_credentials_by_account on identity.account_credentials (account_id);
alter table identity.account_credentials enable row level security;
alter table identity.account_credentials force row level security;
create policy tenant on identity.account_credentials
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.account_credentials to yunshu_system using (true) with check (true);
grant select, insert, delete on identity.account_credentials to yunshu_identity;
grant select on identity.account_credentials to yunshu_system;

-- One per access token of a machine: it dies with its credential, and can be ended by itself.
create table identity.account_sessions (
    tenant_id     uuid        not null,
    session_id    uuid        not null,
    account_id    uuid        not null,
    credential_id uuid        not null,
    -- None: all that the account may do.
    scopes        text[],
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    revoked_at    timestamptz,
    primary key (tenant_id, session_id),
    foreign key (tenant_id, credential_id)
        references identity.account_credentials (tenant_id, credential_id) on delete cascade
);
create index account_sessions_of_credential on identity.account_sessions (tenant_id, credential_id);
create index account_sessions_by_id on identity.account_sessions (session_id);
create index account_sessions_by_expiry on identity.account_sessions (expires_at);
alter table identity.account_sessions enable row level security;
alter table identity.account_sessions force row level security;
create policy tenant on identity.account_sessions
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.account_sessions to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.account_sessions to yunshu_system;
