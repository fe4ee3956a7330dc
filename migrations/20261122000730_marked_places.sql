-- From where somebody signed in is sealed by their tenant's keys, and known again by a mark that is theirs alone (libs/crypto, LookupKey).
-- What was known goes: the next sign-in makes it anew.
truncate identity.known_addresses;
alter table identity.known_addresses
    drop column address,
    add column mark           bytea not null check (octet_length(mark) = 16),
    add column address_sealed bytea not null,
    add primary key (tenant_id, user_id, mark);

-- Of a sign-in that waits nothing is kept but whether its second half comes from the same place: a code of the place by the secret that
-- its holder sends back. Those that wait begin again: ten minutes at most.
truncate identity.challenges;
alter table identity.challenges
    drop column network,
    add column place bytea not null check (octet_length(place) = 32);
