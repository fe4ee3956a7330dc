-- From where people come and by what is sealed by their tenant's keys, each for its row. What was kept in the clear goes now: of sessions
-- and keys that are under way it is not known until they are used again. Processes of the release before begin no sessions any more, and
-- renew none, until they are replaced.
alter table identity.sessions
    drop column address,
    drop column agent,
    drop column used_from,
    -- The same as `used_from` whenever anybody asks.
    drop column rotated_from,
    add column address_sealed   bytea,
    add column used_from_sealed bytea,
    add column agent_sealed     bytea;

alter table identity.api_keys
    drop column used_from,
    add column used_from_sealed bytea;
grant update (used_from_sealed) on identity.api_keys to yunshu_system;
