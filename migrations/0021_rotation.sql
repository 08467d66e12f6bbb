-- The one key that leads from a refresh token to the one after it: made by the first server that needs it, the same for all.
create table succession_key (
    one boolean primary key default true check (one),
    -- 32 random bytes; worth nothing without a refresh token, and of those only digests are here
    key bytea not null check (octet_length(key) = 32)
);
