//! Blocks and registers under load, on two replicas: nothing that should pass is dropped, nothing passes a second after it should not.

use crate::{
    harness::{
        Bank, CIC,
        bank::BankOptions,
        traffic::{Change, Identity, Line, Record, Request, Sample, Traffic},
    },
    standing_blocks::{replicas, spec},
};
use guichet::clock::Clock;
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

const LINES_EACH: usize = 4;
/// Between two changes, so that each is seen to hold.
const HOLD: Duration = Duration::from_millis(1_300);

/// A client and connections of its organisation to both replicas, each with the request that it asks for ever.
async fn stream(banks: &[Bank; 2], organisation: &str) -> Vec<(Line, Request)> {
    let (issued, identity) = Identity::issue(&spec(&banks[0], organisation));
    let client = banks[0].tpp_issued(issued, organisation).register(CIC).await;
    let request = Request::client_credentials(&client);
    let mut lines = vec![];
    for at in 0..2 * LINES_EACH {
        lines.push((Line::open(&banks[at % 2], CIC, &identity).await, request.clone()));
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_change_turns_every_connection_of_two_replicas_within_a_second_and_drops_nothing() {
    let options = BankOptions { extra: "[trust.register]\npolicy = \"refuse\"\n".into(), ..BankOptions::default() };
    let banks = replicas(&options).await;
    let bank = &banks[0];
    let (organisation, bystander) = ("PSDFR-ACPR-82001", "PSDFR-ACPR-82002");
    let import = async |status: &str| {
        let file = bank.folder().join("register.csv");
        let head = "organizationIdentifier,name,roles,status\n";
        let rows = format!("{organisation},A,PSP_AI PSP_PI,{status}\n{bystander},B,PSP_AI PSP_PI,authorised\n");
        fs::write(&file, format!("{head}{rows}")).unwrap();
        let as_of = bank.clock.now().date().to_string();
        bank.operator(&["register", "import", &file.display().to_string(), "--as-of", &as_of, "--source", "test"]).await;
    };
    import("authorised").await;
    // each replica reads the register in its own time
    for bank in &banks {
        let ready = bank.tpp_named(bystander, [guichet::oauth::tpp::PspRole::PaymentInitiation]);
        while ready.try_register(CIC, &crate::harness::Tpp::metadata(CIC)).await.status != 201 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    let traffic = Traffic::start(stream(&banks, organisation).await, Duration::from_millis(5));
    let others = Traffic::start(stream(&banks, bystander).await, Duration::from_millis(5));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    let mut id = String::new();
    let blocked = Change::by(async { id = bank.block(&["--organisation", organisation]).await }).await;
    tokio::time::sleep(HOLD).await;
    let held = Instant::now();
    let lifted = Change::by(bank.unblock(&id)).await;
    tokio::time::sleep(HOLD).await;
    let free = Instant::now();
    let withdrawn = Change::by(import("withdrawn")).await;
    tokio::time::sleep(HOLD).await;
    let gone = Instant::now();
    let authorised = Change::by(import("authorised")).await;
    tokio::time::sleep(HOLD).await;
    let (record, others) = (traffic.stop().await, others.stop().await);
    let end = Instant::now();

    let (out, off) = ("401 CERTIFICATE_BLOCKED", "401 AUTHORISATION_WITHDRAWN");
    for (what, change, answers, from, to) in [
        ("blocked", blocked, ["200", out], began, held),
        ("lifted", lifted, [out, "200"], held, free),
        ("withdrawn in the register", withdrawn, ["200", off], free, gone),
        ("authorised again", authorised, [off, "200"], gone, end),
    ] {
        let took = record.turns(change, answers, from, to);
        println!("{what}: the last old answer was asked for {took:?} after the command ended");
    }
    println!("{} and {} requests on {} connections", record.0.len(), others.0.len(), 4 * LINES_EACH);
    let refused: Vec<_> = others.0.iter().filter(|sample| sample.said.as_deref() != Ok("200")).map(|sample| &sample.said).collect();
    assert!(refused.is_empty(), "the bystander was never refused: {refused:?}");
    assert!(record.0.len() > 200);
}

/// What [`Record::turns`] is for is seen by it.
#[test]
fn a_stream_is_judged_strictly() {
    let zero = Instant::now();
    let at = |millis| zero + Duration::from_millis(millis);
    let change = Change { began: at(1_000), done: at(1_100) };
    // line, milliseconds, answer; the judge's complaint
    let judge = |answers: &[(usize, u64, &str)]| {
        let sample = |(line, sent, said): &(usize, u64, &str)| {
            let said = if said.is_empty() { Err("closed".to_owned()) } else { Ok((*said).to_owned()) };
            Sample { line: *line, sent: at(*sent), answered: at(sent + 5), said }
        };
        let record = Record(answers.iter().map(sample).collect());
        let judged = catch_unwind(AssertUnwindSafe(|| record.turns(change, ["200", "401"], at(0), at(9_000))));
        judged.map_err(|complaint| complaint.downcast_ref::<String>().cloned().unwrap_or_default())
    };
    let fine = [(0, 500, "200"), (1, 900, "200"), (0, 1_050, "401"), (1, 1_500, "200"), (1, 1_600, "401"), (0, 3_000, "401")];
    assert_eq!(judge(&fine), Ok(Duration::from_millis(400)));
    for (bad, complaint) in [
        (&[(0, 1_550, "503")][..], "neither 200 nor 401"),
        (&[(0, 1_550, "")], "a connection broke: closed"),
        (&[(0, 600, "401")], "401 before anything changed"),
        (&[(0, 1_400, "200")], "200 again after 401"),
        (&[(2, 2_101, "200"), (2, 2_200, "401")], "200 for a request sent 1.001s after the change"),
        (&[(2, 1_200, "200")], "not every line saw 401"),
    ] {
        let mut answers = [&fine[..], bad].concat();
        answers.sort_by_key(|answer| answer.1);
        let told = judge(&answers).unwrap_err();
        assert!(told.starts_with(complaint), "{told}, not {complaint}");
    }
    assert!(judge(&[]).unwrap_err().starts_with("not every line"));
}
