-- How a client wants the answer to its authorization request: null as ever, in the query; 'jwt' in a signed JWT (JARM).
alter table interactions add column response_mode text;
