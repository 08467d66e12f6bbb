-- What is forgotten by its end. Grants: nobody is told of one two years after it.
create index grants_by_end on grants (expires_at);
create index payments_not_approved on payments (expires_at) where grant_id is null and invalidated_grant_id is null;
