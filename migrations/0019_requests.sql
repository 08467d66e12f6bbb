-- Which authorization request a journey comes from: the same one again resumes it.
alter table interactions
    -- SHA-256 over brand, channel and every parameter
    add column request_digest bytea;

create index interactions_of_a_request on interactions (request_digest, browser_digest);

-- The back end of the bank's app may repeat itself: one journey for each of its keys.
create unique index interactions_of_apps on interactions (browser_digest) where begun_by = 'app';
