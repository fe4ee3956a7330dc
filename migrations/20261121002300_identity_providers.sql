-- Sign-in by other providers: OpenID Connect, with this platform as the relying party.

create table identity.identity_providers (
    tenant_id     uuid        not null,
    provider_id   uuid        not null,
    name          text        not null check (length(name) between 1 and 63),
    display_name  text        not null check (length(display_name) between 1 and 200),
    -- Never changed: with the subject it is who somebody is.
    issuer        text        not null check (length(issuer) between 1 and 500),
    client_id     text        not null check (length(client_id) between 1 and 255),
    -- The client's secret, encrypted. None: a public client, which PKCE alone protects.
    sealed        bytea,
    scopes        text[]      not null,
    enabled       boolean     not null,
    create_users  boolean     not null,
    -- The claim that names a person's groups; none: no groups come from there.
    groups_claim  text        check (length(groups_claim) between 1 and 200),
    -- What the provider says when a second factor was shown there, and is believed.
    trusted_acr   text[]      not null default '{}',
    trusted_amr   text[]      not null default '{}',
    generation    bigint      not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    primary key (tenant_id, provider_id),
    constraint identity_providers_name unique (tenant_id, name),
    foreign key (tenant_id) references identity.tenants (tenant_id) on delete cascade
);
alter table identity.identity_providers enable row level security;
alter table identity.identity_providers force row level security;
create policy tenant on identity.identity_providers
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.identity_providers to yunshu_system using (true) with check (true);
grant select, insert, delete, update (name, display_name, client_id, sealed, scopes, enabled, create_users, groups_claim,
    trusted_acr, trusted_amr, generation, updated_at) on identity.identity_providers to yunshu_identity;
grant select on identity.identity_providers to yunshu_system;

-- Which group a value of the claim leads to.
create table identity.identity_provider_groups (
    tenant_id   uuid not null,
    provider_id uuid not null,
    group_id    uuid not null,
    -- Empty: everybody who comes by this provider.
    value       text not null check (length(value) <= 200),
    primary key (tenant_id, provider_id, value, group_id),
    foreign key (tenant_id, provider_id) references identity.identity_providers (tenant_id, provider_id) on delete cascade,
    foreign key (tenant_id, group_id) references identity.groups (tenant_id, group_id) on delete cascade
);
create index identity_provider_groups_group on identity.identity_provider_groups (tenant_id, group_id);
alter table identity.identity_provider_groups enable row level security;
alter table identity.identity_provider_groups force row level security;
create policy tenant on identity.identity_provider_groups
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.identity_provider_groups to yunshu_system using (true) with check (true);
grant select, insert, delete on identity.identity_provider_groups to yunshu_identity;
grant select on identity.identity_provider_groups to yunshu_system;

-- Who somebody is elsewhere. The subject is the provider's own name for them; no address is ever asked.
create table identity.external_identities (
    tenant_id   uuid        not null,
    identity_id uuid        not null,
    provider_id uuid        not null,
    subject     text        not null check (length(subject) between 1 and 255),
    user_id     uuid        not null,
    used_at     timestamptz,
    created_at  timestamptz not null,
    primary key (tenant_id, identity_id),
    constraint external_identities_subject unique (tenant_id, provider_id, subject),
    constraint external_identities_once unique (tenant_id, user_id, provider_id),
    foreign key (tenant_id, provider_id) references identity.identity_providers (tenant_id, provider_id) on delete cascade,
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
alter table identity.external_identities enable row level security;
alter table identity.external_identities force row level security;
create policy tenant on identity.external_identities
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.external_identities to yunshu_system using (true) with check (true);
grant select, insert, delete on identity.external_identities to yunshu_identity;
grant select, insert, update on identity.external_identities to yunshu_system;

-- Somebody was sent to a provider and has not come back yet.
create table identity.external_sign_ins (
    tenant_id   uuid        not null,
    sign_in_id  uuid        not null,
    provider_id uuid        not null,
    -- Who links the provider to themself; none: a sign-in.
    user_id     uuid,
    -- SHA-256 of the secret that their browser keeps; state, nonce and verifier are made of it.
    secret_hash bytea       not null check (octet_length(secret_hash) = 32),
    -- The provider was asked to have them prove anew who they are.
    anew        boolean     not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    primary key (tenant_id, sign_in_id),
    foreign key (tenant_id, provider_id) references identity.identity_providers (tenant_id, provider_id) on delete cascade,
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index external_sign_ins_provider on identity.external_sign_ins (tenant_id, provider_id);
create index external_sign_ins_user on identity.external_sign_ins (tenant_id, user_id);
-- For housekeeping.
create index external_sign_ins_by_expiry on identity.external_sign_ins (expires_at);
alter table identity.external_sign_ins enable row level security;
alter table identity.external_sign_ins force row level security;
create policy tenant on identity.external_sign_ins
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.external_sign_ins to yunshu_system using (true) with check (true);
grant insert on identity.external_sign_ins to yunshu_identity;
grant select, insert, delete, update on identity.external_sign_ins to yunshu_system;

-- A second factor may be due after a provider's answer as after a password.
alter table identity.challenges
    alter column password_changed_at drop not null,
    add column identity_id uuid,
    add constraint challenges_first check ((password_changed_at is null) <> (identity_id is null)),
    add foreign key (tenant_id, identity_id) references identity.external_identities (tenant_id, identity_id) on delete cascade;

-- Which provider put somebody into a group; none: people did, and no provider takes them out.
alter table identity.group_members
    add column provider_id uuid,
    add foreign key (tenant_id, provider_id) references identity.identity_providers (tenant_id, provider_id) on delete cascade;
create index group_members_provider on identity.group_members (tenant_id, provider_id) where provider_id is not null;
grant update (provider_id) on identity.group_members to yunshu_identity;
grant insert, update, delete on identity.group_members to yunshu_system;
-- A sign-in may take somebody out of the owners: it first holds the tenant's row, and for that must be let change something.
grant update (updated_at) on identity.tenants to yunshu_system;
