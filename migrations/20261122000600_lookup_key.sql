-- The key by which sealed values of persons are found before their tenant is known (libs/crypto, LookupKey). There is one row: whoever
-- starts first makes it. It is never changed: every mark hangs on it.
create table identity.lookup_keys (
    key_id     smallint    primary key check (key_id = 1),
    -- 32 bytes, encrypted by the platform's key.
    sealed     bytea       not null,
    created_at timestamptz not null
);
grant select, insert on identity.lookup_keys to yunshu_system;
