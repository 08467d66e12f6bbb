-- Journeys begun by a browser in which nobody has signed in: anybody may begin one with a GET. They are counted for each client, and
-- forgotten soon after their end.
create index open_journeys_of_a_client on interactions (client_id, expires_at)
    where begun_by = 'browser' and psu is null and grant_id is null and conclusion_digest is null;
create index open_journeys_by_end on interactions (expires_at)
    where begun_by = 'browser' and psu is null and grant_id is null and conclusion_digest is null;
