-- One-time codes by mail and by SMS: weaker second factors, for tenants that allow them.

alter table identity.factors drop constraint factors_kind_check;
alter table identity.factors
    add constraint factors_kind_check check (kind in ('totp', 'webauthn', 'sms', 'email'));
-- One mailbox and one telephone each.
create unique index factors_sent_once on identity.factors (tenant_id, user_id, kind) where kind in ('sms', 'email');

alter table identity.policies
    -- The weaker kinds of factor that people may have; none, unless a tenant says so.
    add column weaker_factors text[] not null default '{}' check (weaker_factors <@ array['sms', 'email']);

-- The one code that is good now for a sign-in, a session or a factor to be confirmed; a new one takes its place.
create table identity.sent_codes (
    tenant_id  uuid        not null,
    purpose    text        not null check (purpose in ('enrol', 'sign_in', 'step_up')),
    -- The factor, the challenge or the session.
    bound_to   uuid        not null,
    -- Where the code went.
    factor_id  uuid        not null,
    -- The key of the hash, encrypted: eight digits alone are guessed from a plain hash in no time.
    key        bytea       not null,
    -- HMAC-SHA-256 of the code and all it is bound to.
    hash       bytea       not null check (octet_length(hash) = 32),
    -- How often this code was tried, and how many were sent for the same thing.
    tries      smallint    not null default 0 check (tries between 0 and 5),
    sends      smallint    not null default 1 check (sends between 1 and 3),
    expires_at timestamptz not null,
    created_at timestamptz not null,
    primary key (tenant_id, purpose, bound_to),
    foreign key (tenant_id, factor_id) references identity.factors (tenant_id, factor_id) on delete cascade
);
create index sent_codes_of_factor on identity.sent_codes (tenant_id, factor_id);
-- For housekeeping.
create index sent_codes_by_expiry on identity.sent_codes (expires_at);
alter table identity.sent_codes enable row level security;
alter table identity.sent_codes force row level security;
create policy tenant on identity.sent_codes
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.sent_codes to yunshu_system using (true) with check (true);
grant select, insert, update, delete on identity.sent_codes to yunshu_identity;
grant select, insert, update, delete on identity.sent_codes to yunshu_system;
