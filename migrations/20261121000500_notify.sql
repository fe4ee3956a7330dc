-- The live stream keeps nothing of its own: it reads the bus. Its schema waits for channels and deliveries.
create schema notify;
grant usage on schema notify to yunshu_notify, yunshu_system;

-- Streams ask how far old events were removed.
grant select on bus.cursors to yunshu_notify;
