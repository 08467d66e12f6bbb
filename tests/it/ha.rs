//! `deploy/ha` as it is shipped: PostgreSQL under Patroni with a synchronous standby, two replicas of the program. Its primary is
//! killed while TPPs work. One that hangs and comes back is among the faults of `cargo bench --bench faults`.

use crate::harness::{
    load::{Acknowledged, Load},
    patroni::{MARGIN, Patroni, TTL},
};
use nix::sys::signal::Signal;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// All that one replica was asked.
struct Tally {
    answered: usize,
    /// 503
    unavailable: usize,
    /// No answer.
    broken: usize,
    wrong: Vec<String>,
    last_success: Instant,
    /// Between two successes.
    longest_silence: Duration,
    slowest: Duration,
}

impl Tally {
    fn new() -> Mutex<Self> {
        let (wrong, none) = (vec![], Duration::ZERO);
        let last_success = Instant::now();
        Mutex::new(Self { answered: 0, unavailable: 0, broken: 0, wrong, last_success, longest_silence: none, slowest: none })
    }

    fn see(&mut self, status: Option<u16>, took: Duration, said: impl FnOnce() -> String) {
        self.slowest = took.max(self.slowest);
        match status {
            Some(200) => {
                self.answered += 1;
                self.longest_silence = self.last_success.elapsed().max(self.longest_silence);
                self.last_success = Instant::now();
            }
            Some(503) => self.unavailable += 1,
            None => self.broken += 1,
            Some(_) => self.wrong.push(said()),
        }
    }
}

/// Loads both replicas while `fault` happens, and says what came of it.
async fn under_load(what: &str, loads: &[Load<'_>; 2], acknowledged: &Acknowledged, fault: impl Future<Output = ()>) {
    loads.iter().for_each(Load::resume);
    let tallies = [Tally::new(), Tally::new()];
    let before = acknowledged.count();
    let run = |n: usize| {
        let (load, tally) = (&loads[n], &tallies[n]);
        let glances = async move {
            let gateway = load.client.tpp.bank.gateway();
            while !load.is_stopped() {
                let wrong = acknowledged.glance(&gateway, &load.client).await;
                if let Some(count @ 1..) = wrong {
                    tally.lock().unwrap().wrong.push(format!("{count} tokens are not what was acknowledged"));
                }
                sleep(SECOND / 20).await;
            }
        };
        let asked = load.run(move |reply, took| tally.lock().unwrap().see(reply.map(|r| r.status), took, || format!("{reply:?}")));
        async { tokio::join!(asked, glances) }
    };
    let fault = async {
        fault.await;
        loads.iter().for_each(Load::stop);
    };
    tokio::join!(run(0), run(1), fault);
    let after = acknowledged.count();
    for (name, (tally, load)) in ["straight", "through PgBouncer"].iter().zip(tallies.into_iter().zip(loads)) {
        let tally = tally.into_inner().unwrap();
        println!(
            "{what}, {name}: {} requests, {} answered, {} said 503, {} broken, {} wrong; {:.1} s without service; slowest answer {:.1} s",
            tally.answered + tally.unavailable + tally.broken + tally.wrong.len(),
            tally.answered,
            tally.unavailable,
            tally.broken,
            tally.wrong.len(),
            tally.longest_silence.as_secs_f64(),
            tally.slowest.as_secs_f64(),
        );
        assert!(tally.wrong.is_empty(), "{}", tally.wrong[0]);
        assert!(tally.longest_silence < Duration::from_secs(TTL + MARGIN), "back within the failover time");
        acknowledged.holds(&load.client).await;
    }
    println!("{what}: acknowledged tokens {} -> {}, revocations {} -> {}, none lost", before.0, after.0, before.1, after.1);
    assert!(after.0 > before.0 && after.1 > before.1);
}

/// Until this many more tokens were acknowledged than there are now.
async fn progress(site: &Patroni, acknowledged: &Acknowledged, more: usize) {
    let (deadline, wanted) = (Instant::now() + Duration::from_secs(TTL + MARGIN), acknowledged.count().0 + more);
    while acknowledged.count().0 < wanted {
        assert!(Instant::now() < deadline, "no service\n{}", site.logs());
        sleep(SECOND / 20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_with_the_primary() {
    let site = tokio::task::spawn_blocking(Patroni::start).await.unwrap();
    let (front, replicas) = (site.bank(0), [site.bank(1), site.bank(2)]);
    let acknowledged = Acknowledged::default();
    let loads = [Load::prepare(&replicas[0], &acknowledged).await, Load::prepare(&replicas[1], &acknowledged).await];
    let dead = site.primary(&front, None).await;
    under_load("primary killed", &loads, &acknowledged, async {
        progress(&site, &acknowledged, 100).await;
        site.signal(dead, Signal::SIGKILL);
        site.primary(&front, Some(dead)).await;
        progress(&site, &acknowledged, 200).await;
    })
    .await;

    assert!(site.primaries(&front).await.len() <= 1, "{}", site.logs());
}
