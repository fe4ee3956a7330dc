-- A tenant's streams read its events and never audit entries, of which there are more than of all else: those no longer pay
-- for an index that nobody finds them by.
drop index bus.outbox_tenant_order;
create index outbox_tenant_order on bus.outbox (tenant_id, xact, seq) where kind <> 'audit.recorded';
