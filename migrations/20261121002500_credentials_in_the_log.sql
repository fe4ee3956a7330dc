-- An entry names the credential it was made with: of a person with three keys, which one was it?
alter table audit.events
    -- `session:<id>` or `api_key:<id>`; none for workers and whoever was not signed in.
    add column credential text collate "C" check (length(credential) <= 200);
