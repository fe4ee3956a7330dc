-- Of which checkpoint a tenant was told last, and when.
alter table audit.trees
    add column told_size bigint      not null default 0 check (told_size >= 0),
    add column told_at   timestamptz not null default '-infinity';
