-- An address that somebody wants instead of theirs: it counts once whoever reads its letters has said so, and can be undone by
-- whoever reads those of the old one.
create table identity.email_changes (
    tenant_id    uuid        not null,
    change_id    uuid        not null,
    user_id      uuid        not null,
    old_email    text        collate "C" not null check (length(old_email) between 3 and 254),
    new_email    text        collate "C" not null check (length(new_email) between 3 and 254 and new_email = lower(new_email)),
    -- SHA-256 of the tokens in the two letters.
    token_hash   bytea       not null check (octet_length(token_hash) = 32),
    undo_hash    bytea       not null check (octet_length(undo_hash) = 32),
    -- To be confirmed before.
    expires_at   timestamptz not null,
    confirmed_at timestamptz,
    -- Undone, or overtaken by another.
    void_at      timestamptz,
    created_at   timestamptz not null,
    primary key (tenant_id, change_id),
    foreign key (tenant_id, user_id) references identity.users (tenant_id, user_id) on delete cascade
);
create index email_changes_user on identity.email_changes (tenant_id, user_id);
-- Whoever comes with a token is nobody yet.
create index email_changes_by_token on identity.email_changes (token_hash);
create index email_changes_by_undo on identity.email_changes (undo_hash);
create index email_changes_by_age on identity.email_changes (created_at);
alter table identity.email_changes enable row level security;
alter table identity.email_changes force row level security;
create policy tenant on identity.email_changes
    using (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), ''))::uuid);
create policy system on identity.email_changes to yunshu_system using (true) with check (true);
grant select (tenant_id, change_id, user_id, old_email, new_email, expires_at, confirmed_at, void_at, created_at),
      insert, update (void_at) on identity.email_changes to yunshu_identity;
grant select, update, delete on identity.email_changes to yunshu_system;
