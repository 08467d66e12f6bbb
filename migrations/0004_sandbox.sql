-- Scripted customers of a sandbox brand: published logins that meet one outcome each.
create table sandbox_customers (
    brand text not null,
    login text not null,
    -- argon2id, PHC string
    password_hash text not null,
    -- the opaque reference that tokens carry
    reference text not null,
    -- a failure's name, or null: gets through
    outcome text,
    primary key (brand, login)
);
