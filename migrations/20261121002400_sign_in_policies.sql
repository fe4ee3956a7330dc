-- What a tenant may ask of its people, in full, and what a session owes before it is good for anything else.

alter table identity.policies
    -- The kinds of factor that count; none: every kind.
    add column factor_kinds         text[]   check (cardinality(factor_kinds) between 1 and 10),
    -- How long sessions live; none: as long as the operator lets them.
    add column session_idle_minutes integer  check (session_idle_minutes between 15 and 525600),
    add column session_hours        integer  check (session_hours between 1 and 8760),
    -- What the profile `mlps3` asks beyond complexity.
    add column password_days        smallint not null default 90 check (password_days between 7 and 365),
    add column password_history     smallint not null default 5 check (password_history between 1 and 10);

alter table identity.sessions
    -- The password had come of age when the session began: it is good for changing it.
    add column password_due boolean not null default false;

-- Passwords that must not be chosen again, where the tenant asks for that.
create table identity.password_history (
    tenant_id  uuid        not null,
    user_id    uuid        not null,
    -- When it was chosen.
    changed_at timestamptz not null,
    -- PHC string, as in `passwords`.
    hash       text        not null check (hash like '$argon2id$%'),
    primary key (tenant_id, user_id, changed_at),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
alter table identity.password_history enable row level security;
alter table identity.password_history force row level security;
create policy tenant on identity.password_history
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.password_history to yunshu_system using (true) with check (true);
-- The hashes themselves stay out of the service's reach, as those of present passwords do.
grant select (tenant_id, user_id, changed_at), insert, delete on identity.password_history to yunshu_identity;
grant select, insert, delete on identity.password_history to yunshu_system;
