//! A set of lists is read, verified and published by the program itself, into a database of its own for every round.

use crate::harness::{
    Bank, BankOptions,
    lists::{Collection, JOURNAL, JOURNAL_2019},
};
use guichet::{
    clock::{Clock, System},
    dev::trusted_lists::GeneratedSet,
    storage::Db,
};
use nix::sys::resource::{UsageWho, getrusage};
use std::{env, fs, path::Path, process::Command, time::Instant};

/// The benchmark calls itself with this, to measure one process alone.
pub const CHILD: &str = "--measure";
const ROUNDS: usize = 5;
const SERVICES: usize = 5_000;

/// What a set of lists needs in the configuration, and its files.
struct Set {
    name: &'static str,
    journal: &'static str,
    signers: String,
    files: Vec<(String, Vec<u8>)>,
}

struct Measured {
    seconds: f64,
    peak_kib: u64,
}

pub async fn run() {
    println!("{:40} {:>6} {:>9} {:>9} {:>9} {:>14} {:>14}", "set", "lists", "services", "MB", "rounds", "seconds", "peak MiB");
    if let Some(collection) = Collection::find() {
        measure(&real(&collection)).await;
    }
    measure(&generated()).await;
}

/// The lists of 2025-08-08 with their pivots; they are past their NextUpdate, so the policy is set to let them in.
fn real(collection: &Collection) -> Set {
    let files = collection.lists("2025-08-08").into_iter().map(|(name, xml)| (format!("{name}.xml"), xml)).collect();
    let signers = collection.signers("oj-c-2026-1944-4").iter().map(|signer| pem(signer.der())).collect();
    Set { name: "real lists of 2025-08-08", journal: JOURNAL_2019, signers, files }
}

fn generated() -> Set {
    let set = GeneratedSet::new(1, SERVICES, "https://lists.example", JOURNAL, System::new().now()).unwrap();
    let files = set.files.into_iter().map(|(name, xml)| (name, xml.into_bytes())).collect();
    Set { name: "generated lists", journal: JOURNAL, signers: pem(&set.signer.certificate), files }
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

async fn measure(set: &Set) {
    let (mut rounds, mut counted) = (Vec::new(), (0, 0));
    for _ in 0..ROUNDS {
        let extra = format!(
            "[trust.lists]\nlotl_signers_file = \"lotl.pem\"\nofficial_journal = \"{}\"\nexclude = []\n\
             warn_after_days = 0\nrefuse_registrations_after_days = 36500\nrefuse_after_days = 36500\n",
            set.journal
        );
        let bank = Bank::unserved(BankOptions { extra, ..BankOptions::default() }).await;
        fs::write(bank.folder().join("lotl.pem"), &set.signers).unwrap();
        let lists = bank.folder().join("lists");
        fs::create_dir(&lists).unwrap();
        set.files.iter().for_each(|(name, xml)| fs::write(lists.join(name), xml).unwrap());
        rounds.push(one(&bank, &lists));
        let snapshot = Db::new(bank.pool().await).accepted_snapshot().await.unwrap().unwrap_or_default();
        counted = (snapshot.lists.len(), snapshot.lists.iter().map(|list| list.services.len()).sum());
    }
    let bytes: usize = set.files.iter().map(|(_, xml)| xml.len()).sum();
    rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let peak = rounds.iter().map(|round| round.peak_kib).max().unwrap_or(0);
    let seconds = format!("{:.2} ({:.2})", rounds[ROUNDS / 2].seconds, rounds[ROUNDS - 1].seconds);
    let megabytes = bytes as f64 / 1e6;
    println!("{:40} {:>6} {:>9} {megabytes:>9.1} {ROUNDS:>9} {seconds:>14} {:>14}", set.name, counted.0, counted.1, peak / 1024);
}

fn one(bank: &Bank, lists: &Path) -> Measured {
    let import = bank.command(&["trust", "import", lists.to_str().unwrap()]);
    let mut outer = Command::new(env::current_exe().unwrap());
    outer.arg(CHILD).arg(import.get_program()).args(import.get_args());
    outer.envs(import.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    let output = outer.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let (seconds, peak_kib) = last.split_once(' ').unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    Measured { seconds: seconds.parse().unwrap(), peak_kib: peak_kib.parse().unwrap() }
}

/// Runs a program to its end and prints the seconds and the most KiB that it held.
pub fn measure_child(command: &[String]) {
    let started = Instant::now();
    let ended = Command::new(&command[0]).args(&command[1..]).output().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let refused = String::from_utf8_lossy(&ended.stderr);
    // the closed list of the United Kingdom is refused
    let code = ended.status.code();
    assert!(code == Some(0) || (code == Some(7) && refused.lines().count() == 1), "{code:?}: {refused}");
    println!("{seconds} {}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
}
