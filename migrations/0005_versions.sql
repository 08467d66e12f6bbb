-- What every process keeps in memory, each with a number that rises when it changes: a process that sees another number than
-- it knows reads the subject anew.
create table versions (
    subject text primary key,
    version bigint not null
);
insert into versions (subject, version) values ('snapshot', 0), ('standing', 0), ('revocation', 0);
