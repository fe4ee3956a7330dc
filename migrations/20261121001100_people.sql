-- People are listed by what they are called, in any case; LIKE would lose its index under row security, a range does not.
alter table identity.users
    add column name_key text collate "C" generated always as (lower(display_name)) stored;
create index users_name on identity.users (tenant_id, name_key, user_id);

-- A person may have all that is held on them: of the password, when it was chosen.
grant select (tenant_id, user_id, changed_at) on identity.passwords to yunshu_identity;
grant select on identity.known_addresses to yunshu_identity;
