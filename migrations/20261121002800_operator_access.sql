-- Platform operators in a tenant's content: asked for, decided on, used and ended. A row belongs to the tenant whose content
-- it is. Nothing is deleted but with the person whose word it was.
create table identity.operator_access (
    tenant_id    uuid        not null references identity.tenants (tenant_id),
    access_id    uuid        not null,
    kind         text        not null check (kind in ('consent', 'break_glass')),
    -- A person of the platform; for the tenant an id and no more.
    operator_id  uuid        not null,
    reason       text        not null check (length(reason) between 3 and 500),
    -- Whoever is let in manages nobody and nothing that opens doors.
    role         text        not null check (role in ('viewer', 'auditor', 'operator')),
    minutes      smallint    not null,
    requested_at timestamptz not null,
    decision     text        check (decision in ('granted', 'refused')),
    decided_at   timestamptz,
    -- Of the tenant. A consent goes with whoever gave it.
    decided_by   uuid,
    -- The second of the platform's people, in an emergency.
    confirmed_by uuid,
    ends_at      timestamptz,
    ended_at     timestamptz,
    ended_by     text        check (ended_by in ('tenant', 'operator')),
    updated_at   timestamptz not null,
    primary key (tenant_id, access_id),
    constraint operator_access_elsewhere check (tenant_id <> '00000000-0000-7000-8000-000000000001'),
    constraint operator_access_minutes
        check (case kind when 'consent' then minutes between 15 and 1440 else minutes = 60 end),
    constraint operator_access_decided check (num_nonnulls(decision, decided_at) in (0, 2)),
    constraint operator_access_in_time check (decided_at <= requested_at + interval '24 hours'),
    constraint operator_access_granted check ((decision is not distinct from 'granted') = (ends_at is not null)),
    constraint operator_access_short check (ends_at <= decided_at + make_interval(mins => minutes)),
    constraint operator_access_ended check (num_nonnulls(ended_at, ended_by) in (0, 2)),
    -- The tenant's word for the one kind, a second operator's for the other, and no word before a decision.
    constraint operator_access_consent
        check ((kind = 'consent' and decision is not null) = (decided_by is not null)),
    constraint operator_access_second
        check ((kind = 'break_glass' and decision is not distinct from 'granted') = (confirmed_by is not null)),
    constraint operator_access_two_people check (confirmed_by <> operator_id),
    foreign key (tenant_id, decided_by) references identity.users (tenant_id, user_id) on delete cascade
);
create index operator_access_decider on identity.operator_access (tenant_id, decided_by) where decided_by is not null;
-- The gateway asks by access alone, and operators look across tenants.
create index operator_access_by_id on identity.operator_access (access_id);
alter table identity.operator_access enable row level security;
alter table identity.operator_access force row level security;
create policy tenant on identity.operator_access
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.operator_access to yunshu_system using (true) with check (true);
-- Who, why, as what and for how long stays as it was asked: what was consented to is what counts.
grant select, insert on identity.operator_access to yunshu_identity;
grant update (decision, decided_at, decided_by, confirmed_by, ends_at, ended_at, ended_by, updated_at)
    on identity.operator_access to yunshu_identity;
grant select on identity.operator_access to yunshu_system;
