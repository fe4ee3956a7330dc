-- Invitations: one use each, seven days at most.
create table identity.invitations (
    tenant_id          uuid        not null references identity.tenants (tenant_id),
    invitation_id      uuid        not null,
    email              text        collate "C" not null check (length(email) between 3 and 254 and email = lower(email)),
    -- SHA-256 of the token; 256 random bits need no slow hash.
    token_sha256       bytea       not null check (octet_length(token_sha256) = 32),
    -- What whoever accepts is bound to.
    role               text        check (role in ('owner', 'admin', 'operator', 'viewer', 'auditor')),
    role_id            uuid,
    -- None: the whole tenant.
    project_id         uuid,
    inviter_id         uuid,
    inviter_account_id uuid,
    expires_at         timestamptz not null,
    accepted_at        timestamptz,
    -- Who came of it.
    user_id            uuid,
    revoked_at         timestamptz,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    primary key (tenant_id, invitation_id),
    constraint invitations_role check (num_nonnulls(role, role_id) = 1),
    constraint invitations_inviter check (num_nonnulls(inviter_id, inviter_account_id) = 1),
    constraint invitations_short check (expires_at <= created_at + interval '7 days'),
    constraint invitations_end check (num_nonnulls(accepted_at, revoked_at) <= 1),
    constraint invitations_accepted check ((accepted_at is null) = (user_id is null)),
    -- An invitation goes with the role, the project or the inviter, whose word it is, and with whoever came of it.
    foreign key (tenant_id, role_id) references identity.roles (tenant_id, role_id) on delete cascade,
    foreign key (tenant_id, project_id) references identity.projects (tenant_id, project_id) on delete cascade,
    foreign key (tenant_id, inviter_id) references identity.users (tenant_id, user_id) on delete cascade,
    foreign key (tenant_id, inviter_account_id)
        references identity.service_accounts (tenant_id, account_id) on delete cascade,
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index invitations_user on identity.invitations (tenant_id, user_id) where user_id is not null;
create index invitations_inviter_id on identity.invitations (tenant_id, inviter_id) where inviter_id is not null;
-- For whoever accepts, who shows the token alone.
create index invitations_by_token on identity.invitations (token_sha256);
-- For housekeeping.
create index invitations_by_expiry on identity.invitations (expires_at) where accepted_at is null;
alter table identity.invitations enable row level security;
alter table identity.invitations force row level security;
create policy tenant on identity.invitations
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.invitations to yunshu_system using (true) with check (true);
grant select, insert, update on identity.invitations to yunshu_identity;
-- Housekeeping locks what it removes.
grant select, update, delete on identity.invitations to yunshu_system;
