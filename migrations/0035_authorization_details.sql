-- What a TPP asked for, and what the customer granted of it, in so many words (RFC 9396). Null: by its scope alone.
alter table interactions add column authorization_details jsonb;
alter table grants add column authorization_details jsonb;
