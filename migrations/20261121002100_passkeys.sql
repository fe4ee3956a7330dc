-- Passkeys and hardware keys (Web Authentication), and ceremonies that wait for one.

alter table identity.factors drop constraint factors_kind_check;
alter table identity.factors
    -- By which its holder's device finds it; chosen by the device.
    add column credential_id bytea check (octet_length(credential_id) between 1 and 1023),
    add constraint factors_kind_check check (kind in ('totp', 'webauthn')),
    add constraint factors_credential_check check ((kind = 'webauthn') = (credential_id is not null));
create unique index factors_by_credential on identity.factors (tenant_id, credential_id);
-- Whoever signs in by passkey alone names themselves and the key, and no tenant.
create index factors_by_passkey on identity.factors (user_id, credential_id) where credential_id is not null;

-- Of no tenant: at the door nobody is known. Whom one is for stands inside.
create table identity.ceremonies (
    -- SHA-256 of the token that its holder sends back.
    token_hash bytea       primary key check (octet_length(token_hash) = 32),
    -- What was asked, of whom and for what; encrypted.
    sealed     bytea       not null,
    expires_at timestamptz not null,
    created_at timestamptz not null
);
create index ceremonies_by_expiry on identity.ceremonies (expires_at);
grant select, insert, delete on identity.ceremonies to yunshu_identity;
grant select, insert, update, delete on identity.ceremonies to yunshu_system;

-- What a tenant asks of the passkeys that are added: nothing, or that their maker vouches for them and is listed.
alter table identity.policies
    add column attestation     text   not null default 'none' check (attestation in ('none', 'direct')),
    add column allowed_aaguids uuid[] not null default '{}' check (cardinality(allowed_aaguids) <= 100);
