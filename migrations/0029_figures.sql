-- The regulator's figures, put together from what each replica saw. Sums of days stay; marks of seconds only as long as days are
-- worked out from them.
create table figure_days (
    brand text not null,
    day date not null,
    service text not null,
    requests bigint not null,
    micros bigint not null,
    not_replied bigint not null,
    aspsp bigint not null,
    tpp bigint not null,
    psu bigint not null,
    primary key (brand, day, service)
);

-- Minutes since the epoch; a bit for each second with a request that was replied to.
create table figure_replies (
    brand text not null,
    minute bigint not null,
    seconds bigint not null,
    primary key (brand, minute)
) with (fillfactor = 70);

-- Requests received in this second that were not replied to.
create table figure_failures (
    brand text not null,
    second bigint not null,
    requests integer not null,
    primary key (brand, second)
);

-- A bit for each second in which some replica ran.
create table figure_alive (
    minute bigint primary key,
    seconds bigint not null
) with (fillfactor = 70);

-- Of days whose marks are forgotten.
create table figure_availability (
    brand text not null,
    day date not null,
    down_seconds integer not null,
    unobserved_seconds integer not null,
    primary key (brand, day)
);

-- What the bank measured at its interface for customers.
create table figure_direct (
    brand text not null,
    day date not null,
    down_seconds integer not null,
    mean_ms double precision,
    error_rate_percent double precision,
    imported_at timestamptz not null,
    imported_by text not null,
    primary key (brand, day)
);

-- The last batch of each process: one whose answer was lost is not counted twice.
create table figure_writers (
    process uuid primary key,
    batch bigint not null,
    at timestamptz not null
);
create index figure_writers_by_age on figure_writers (at);

insert into task_turns (task, taken_at) values ('figures', 'epoch');
