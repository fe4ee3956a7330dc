-- What a device is seen as is sealed by the platform's key until somebody decides. Those that wait start again: ten minutes at most.
truncate identity.device_grants;
alter table identity.device_grants
    drop column address,
    drop column agent,
    add column seen bytea not null;
