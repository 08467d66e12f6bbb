-- Releases follow one another without a pause: the next one migrates while this one serves. A program goes on with a schema that
-- is newer than itself as long as its own newest migration is not below `oldest`. Whatever takes away what a release needs raises it.
create table schema_compatibility (
    one boolean primary key default true check (one),
    oldest bigint not null
);
insert into schema_compatibility (oldest) values (22);
