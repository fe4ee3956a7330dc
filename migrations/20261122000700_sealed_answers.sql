-- What people were answered is sealed by their tenant's keys, and is found by what it tells of when that is erased. What was kept
-- in the clear goes now: whoever repeats such a request is told that it was done. Processes of the release before cannot keep
-- answers any more, and refuse requests with a key until they are replaced.
alter table identity.replies no force row level security;
alter table identity.replies
    add column body_sealed bytea,
    -- By id, as the audit log names it; null where nothing is kept of it.
    add column object text,
    -- False: there was an answer, and it cannot be given again.
    add column kept boolean not null default true;
update identity.replies set kept = false where body is not null;
alter table identity.replies drop column body;
alter table identity.replies force row level security;

alter table compute.replies no force row level security;
alter table compute.replies
    add column body_sealed bytea,
    -- By id, as the audit log names it; null where nothing is kept of it.
    add column object text,
    -- False: there was an answer, and it cannot be given again.
    add column kept boolean not null default true;
update compute.replies set kept = false where body is not null;
alter table compute.replies drop column body;
alter table compute.replies force row level security;

alter table audit.replies no force row level security;
alter table audit.replies
    add column body_sealed bytea,
    -- By id, as the audit log names it; null where nothing is kept of it.
    add column object text,
    -- False: there was an answer, and it cannot be given again.
    add column kept boolean not null default true;
update audit.replies set kept = false where body is not null;
alter table audit.replies drop column body;
alter table audit.replies force row level security;

alter table notify.replies no force row level security;
alter table notify.replies
    add column body_sealed bytea,
    -- By id, as the audit log names it; null where nothing is kept of it.
    add column object text,
    -- False: there was an answer, and it cannot be given again.
    add column kept boolean not null default true;
update notify.replies set kept = false where body is not null;
alter table notify.replies drop column body;
alter table notify.replies force row level security;
