-- EU trusted lists (ETSI TS 119 612) as they were accepted. Of each territory the highest number counts; some older ones stay.
create table trusted_lists (
    -- of the list; EU: the list of lists
    territory text not null,
    sequence bigint not null,
    version smallint not null,
    issued_at timestamptz not null,
    -- null: a closed list
    next_update timestamptz,
    -- over the file, hexadecimal
    sha256 text not null,
    -- the URL or the file's name
    source text not null,
    accepted_at timestamptz not null,
    -- JSON: how it was made sure that it is its operator's
    verification bytea not null,
    -- JSON: services of type CA/QC
    services bytea not null,
    -- JSON, of the list of lists: the national lists and who may sign them
    pointers bytea,
    primary key (territory, sequence)
);
-- large, and read whole: compressing them costs more than it saves
alter table trusted_lists alter column services set storage external;

-- What was offered and what became of it.
create table trusted_list_imports (
    id uuid primary key,
    at timestamptz not null,
    source text not null,
    -- as the file says, which nobody vouched for when it was refused
    territory text,
    sequence bigint,
    -- accepted, or the refusal's code
    outcome text not null,
    -- the refusal in a sentence
    detail text
);