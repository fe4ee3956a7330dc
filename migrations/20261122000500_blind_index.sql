-- Entries of the log are found by the address they came from, and the address itself stands in what is sealed of them alone. What
-- is left beside it is a mark of 12 bits (libs/crypto, BlindIndex): whoever has the database and not the tenant's key learns from
-- it that two entries may have come from one place, and never from which.
alter table audit.events
    add column ip_index smallint,
    add constraint events_ip_index check (ip_index between 0 and 4095);
-- Without the number: entries of one instant are few, and are put in order when they are read.
create index events_by_ip on audit.events (tenant_id, ip_index, time) where ip_index is not null;

-- `ip` is written no more. A worker marks what has an address in the clear, and clears it; it finds them by this index, which is
-- empty soon. The release before goes on writing addresses there while it runs, so the column itself goes with the next one.
create index events_clear_ip on audit.events (tenant_id, seq) where ip is not null;
grant update (ip_index) on audit.events to yunshu_system;
