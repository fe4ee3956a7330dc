-- Addresses and names of people are sealed under their tenant's keys, for their row. People are found by a mark of the address
-- (libs/crypto, LookupKey): whoever has the database and not that key learns from it that two rows have one address, and never which.
-- Names are found and put in order when they are read.
--
-- What is in the clear from before is neither read nor written any more. A worker seals and clears it; it finds it by the indexes
-- `.._open`, which are empty soon. The columns themselves go with the next release.
drop index identity.users_by_email;
drop index identity.users_name;
alter table identity.users
    drop column name_key,
    alter column email drop not null,
    alter column display_name drop not null,
    add column email_sealed bytea,
    add column email_mark   bytea check (octet_length(email_mark) = 16),
    add column name_sealed  bytea,
    add constraint users_kept check (num_nonnulls(email, email_sealed) > 0 and num_nonnulls(display_name, name_sealed) > 0),
    add constraint users_found check ((email_sealed is null) = (email_mark is null)),
    add constraint users_email_mark unique (tenant_id, email_mark);
-- For sign-in, where the tenant may not be named. Not unique: an address may exist in several tenants.
create index users_by_email on identity.users (email_mark);
create index users_open on identity.users (tenant_id, user_id) where email is not null or display_name is not null;

alter table identity.invitations
    alter column email drop not null,
    add column email_sealed bytea,
    add constraint invitations_kept check (num_nonnulls(email, email_sealed) > 0);
create index invitations_open on identity.invitations (tenant_id, invitation_id) where email is not null;

-- The address before is compared with the person's, by its mark.
alter table identity.email_changes
    alter column old_email drop not null,
    alter column new_email drop not null,
    add column old_sealed bytea,
    add column old_mark   bytea check (octet_length(old_mark) = 16),
    add column new_sealed bytea,
    add constraint email_changes_kept check (num_nonnulls(old_email, old_sealed) > 0 and num_nonnulls(new_email, new_sealed) > 0),
    add constraint email_changes_found check ((old_sealed is null) = (old_mark is null));
create index email_changes_open on identity.email_changes (tenant_id, change_id)
    where old_email is not null or new_email is not null;
grant select (old_sealed, old_mark, new_sealed) on identity.email_changes to yunshu_identity;

alter table identity.external_identities
    alter column subject drop not null,
    add column subject_sealed bytea,
    add column subject_mark   bytea check (octet_length(subject_mark) = 16),
    add constraint external_identities_kept check (num_nonnulls(subject, subject_sealed) > 0),
    add constraint external_identities_found check ((subject_sealed is null) = (subject_mark is null)),
    add constraint external_identities_mark unique (tenant_id, provider_id, subject_mark);
create index external_identities_open on identity.external_identities (tenant_id, identity_id) where subject is not null;
