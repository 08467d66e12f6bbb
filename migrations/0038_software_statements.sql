-- What a directory said of a client and signed (RFC 7591 s2.3), as it was sent. Beside the metadata, which every authentication of the
-- client reads: nobody but the client's own registration needs it.
alter table clients add column software_statement text;
