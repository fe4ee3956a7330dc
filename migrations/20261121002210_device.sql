-- Programs on devices without a browser (RFC 8628): what they ask for, until somebody comes to decide.

-- Of no tenant: until somebody decides, nobody knows whose it is.
create table identity.device_grants (
    grant_id       uuid        primary key,
    client_id      uuid        not null,
    -- SHA-256 of what the device keeps to itself.
    device_hash    bytea       not null unique check (octet_length(device_hash) = 32),
    -- SHA-256 of what a person types.
    user_hash      bytea       not null unique check (octet_length(user_hash) = 32),
    scopes         text[]      not null,
    -- From where it was asked for, and what asked.
    address        text,
    agent          text        not null default '' check (length(agent) <= 200),
    -- SHA-256 of the code that somebody allowed it with; null until then.
    code_hash      bytea       check (octet_length(code_hash) = 32),
    denied         boolean     not null default false,
    -- How long it must wait between two questions, and when it asked last.
    wait_seconds   smallint    not null default 5 check (wait_seconds between 1 and 3600),
    asked_at       timestamptz,
    created_at     timestamptz not null,
    expires_at     timestamptz not null,
    check (code_hash is null or not denied)
);
create index device_grants_by_expiry on identity.device_grants (expires_at);
grant select, update on identity.device_grants to yunshu_identity;
grant select, insert, update, delete on identity.device_grants to yunshu_system;
