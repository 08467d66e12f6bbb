//! The operations, by turns: the server, the floors, PostgreSQL alone and the peer, one after the other, again and again.

use crate::{
    closed::Measured,
    contender::{Contender, Others, check, measure},
    disk::Disk,
    ids::Lot,
    operation::Operation,
    options::Options,
    pgbench::{self, Seen},
    postgres::Postgres,
    server::Server,
    table::{self, Spread},
};
use std::{collections::HashMap, path::Path, time::Duration};

/// Rows that an operation can spend in a second at each connection.
const FAST: u32 = 1500;
const PEER: u32 = 300;
/// What everybody is tried with before the rounds.
const CHECK: Lot = Lot { number: 2, rows: 1 };

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Turn {
    Server,
    Floor,
    StrictFloor,
    Peer,
}

/// Everything that was measured, each list in the order of the rounds.
#[derive(Default)]
struct Figures {
    turns: HashMap<(Disk, Operation, Turn), Vec<Measured>>,
    pgbench: HashMap<(Disk, Operation), Vec<f64>>,
    flushes: HashMap<Disk, Vec<f64>>,
}

/// Numbers the lots after those that are made before the rounds.
struct Lots {
    last: u16,
    seconds: u32,
}

impl Lots {
    fn next(&mut self, a_second: u32) -> Lot {
        self.last += 1;
        Lot { number: self.last, rows: a_second * self.seconds + 100 }
    }
}

pub async fn run(postgres: &mut Postgres, server: &mut Server, others: &mut Others, options: &Options) {
    let pgbench = pgbench::find();
    if pgbench.is_none() {
        println!("pgbench's columns stay empty: it is absent (Debian: package postgresql-15 or postgresql-contrib).\n");
    }
    check_all(server, others).await;
    let statements = server.statements(postgres).await;
    let seconds = u32::try_from(options.seconds()).unwrap();
    let (mut figures, mut lots) = (Figures::default(), Lots { last: CHECK.number, seconds });
    for round in 1..=options.rounds() {
        for disk in Disk::ALL {
            disk.insert(postgres).await;
            if let Some(pgbench) = &pgbench {
                figures.flushes.entry(disk).or_default().push(pgbench::flushes(pgbench, postgres, 1).await);
            }
            for operation in options.operations().filter(|operation| disk.bounds(*operation)) {
                eprintln!("round {round} of {}: {}, {}", options.rounds(), operation.name(), disk.name());
                let mut turn =
                    Round { disk, operation, time: Duration::from_secs(options.seconds()), figures: &mut figures, lots: &mut lots };
                turn.all(postgres, server, others, pgbench.as_deref().map(|program| (program, &statements[&operation][..]))).await;
            }
        }
    }
    Disk::Own.insert(postgres).await;
    figures.print(&statements, options);
}

async fn check_all(server: &mut Server, others: &mut Others) {
    check(server, CHECK).await;
    check(&mut others.floor, CHECK).await;
    check(&mut others.strict_floor, CHECK).await;
    if let Some(peer) = &mut others.peer {
        check(peer, CHECK).await;
    }
}

/// One operation in one round.
struct Round<'a> {
    disk: Disk,
    operation: Operation,
    time: Duration,
    figures: &'a mut Figures,
    lots: &'a mut Lots,
}

impl Round<'_> {
    async fn all(&mut self, postgres: &mut Postgres, server: &mut Server, others: &mut Others, pgbench: Option<(&Path, &[Seen])>) {
        let (operation, time) = (self.operation, self.time);
        let measured = measure(server, operation, self.lots.next(FAST), time).await;
        self.note(Turn::Server, measured);
        let measured = measure(&mut others.floor, operation, self.lots.next(FAST), time).await;
        self.note(Turn::Floor, measured);
        if let Some((program, statements)) = pgbench {
            self.pgbench(postgres, server, program, statements).await;
        }
        // where the disk decides, these two have nothing to say
        if self.disk == Disk::Slow {
            return;
        }
        let measured = measure(&mut others.strict_floor, operation, self.lots.next(FAST), time).await;
        self.note(Turn::StrictFloor, measured);
        if let Some(peer) = &mut others.peer {
            let measured = measure(peer, operation, self.lots.next(PEER), time).await;
            self.note(Turn::Peer, measured);
        }
    }

    fn note(&mut self, turn: Turn, measured: Measured) {
        self.figures.turns.entry((self.disk, self.operation, turn)).or_default().push(measured);
    }

    async fn pgbench(&mut self, postgres: &mut Postgres, server: &mut Server, program: &Path, statements: &[Seen]) {
        let (operation, lot) = (self.operation, self.lots.next(FAST));
        server.supply(operation, lot).await;
        let names = server.names(operation, lot);
        let script = pgbench::script(server.sql(), statements, &names, lot).await;
        let per_second = pgbench::measure(program, postgres, server.sql(), &script, self.time.as_secs(), operation.writes()).await;
        self.figures.pgbench.entry((self.disk, operation)).or_default().push(per_second);
    }
}

impl Figures {
    fn of(&self, disk: Disk, operation: Operation, turn: Turn, figure: fn(&Measured) -> f64) -> Vec<f64> {
        self.turns.get(&(disk, operation, turn)).into_iter().flatten().map(figure).collect()
    }

    fn print(&self, statements: &HashMap<Operation, Vec<Seen>>, options: &Options) {
        self.print_floor(statements, options);
        self.print_peer(options);
        for disk in Disk::ALL {
            self.print_pgbench(disk, options);
        }
    }

    fn print_floor(&self, statements: &HashMap<Operation, Vec<Seen>>, options: &Options) {
        let row = |operation: Operation| {
            let of = |turn| self.of(Disk::Own, operation, turn, |measured| measured.cpu);
            let (server, floor, strict) = (of(Turn::Server), of(Turn::Floor), of(Turn::StrictFloor));
            vec![
                operation.name().to_owned(),
                statements[&operation].len().to_string(),
                Spread::of(0, server.clone()).to_string(),
                Spread::of(0, floor.clone()).to_string(),
                ratio(&server, &floor),
                Spread::of(0, strict.clone()).to_string(),
                ratio(&server, &strict),
            ]
        };
        let columns = ["operation", "statements", "server CPU us/op", "floor", "server/floor", "floor without pool", "server/that"];
        table::print("Beside the floor", &columns, &options.operations().map(row).collect::<Vec<_>>());
    }

    fn print_peer(&self, options: &Options) {
        let row = |operation: Operation| {
            let of = |turn, figure| self.of(Disk::Own, operation, turn, figure);
            let cpu = |turn| of(turn, |measured| measured.cpu);
            let rate = |turn| of(turn, |measured| measured.per_second);
            vec![
                operation.name().to_owned(),
                Spread::of(0, cpu(Turn::Server)).to_string(),
                Spread::of(0, cpu(Turn::Peer)).to_string(),
                ratio(&cpu(Turn::Peer), &cpu(Turn::Server)),
                Spread::of(0, rate(Turn::Server)).to_string(),
                Spread::of(0, rate(Turn::Peer)).to_string(),
                ratio(&rate(Turn::Server), &rate(Turn::Peer)),
            ]
        };
        let columns = ["operation", "server CPU us/op", "peer", "peer/server", "server requests/s", "peer", "server/peer"];
        table::print("Beside the peer", &columns, &options.operations().map(row).collect::<Vec<_>>());
    }

    fn print_pgbench(&self, disk: Disk, options: &Options) {
        let none = vec![];
        let row = |operation: Operation| {
            let of = |turn, figure| self.of(disk, operation, turn, figure);
            let rate = |turn| of(turn, |measured| measured.per_second);
            let pgbench = self.pgbench.get(&(disk, operation)).unwrap_or(&none);
            vec![
                operation.name().to_owned(),
                Spread::of(0, rate(Turn::Server)).to_string(),
                Spread::of(2, of(Turn::Server, |measured| measured.p50)).to_string(),
                Spread::of(2, of(Turn::Server, |measured| measured.p99)).to_string(),
                Spread::of(0, rate(Turn::Floor)).to_string(),
                Spread::of(0, pgbench.clone()).to_string(),
                ratio(&rate(Turn::Server), pgbench),
                ratio(&rate(Turn::Floor), pgbench),
            ]
        };
        let flushes = Spread::of(0, self.flushes.get(&disk).unwrap_or(&none).clone());
        let title = format!("Beside pgbench, on {}: {flushes} commits/s of one client", disk.name());
        let columns =
            ["operation", "server requests/s", "p50 ms", "p99 ms", "floor requests/s", "pgbench tps", "server/pgbench", "floor/pgbench"];
        let operations = options.operations().filter(|operation| disk.bounds(*operation));
        table::print(&title, &columns, &operations.map(row).collect::<Vec<_>>());
    }
}

/// Round by round.
fn ratio(these: &[f64], those: &[f64]) -> String {
    Spread::of(2, these.iter().zip(those).map(|(this, that)| this / that)).to_string()
}
