//! Too many of them: connections, silences, requests.

use crate::{
    Outcome,
    harness::{CIC, Client, LBP, Reply, raw::Target, together},
    ledger::Ledger,
    load::{Load, around},
    site::{SECOND, Site},
};
use guichet::oauth::tpp::PspRole::PaymentInitiation;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

/// Each stranger comes from one of these many addresses.
const ADDRESSES: usize = 200;

async fn connect(site: &Site, stranger: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let n = stranger % ADDRESSES;
    socket.bind(std::net::SocketAddr::from(([127, 7, (n / 200) as u8, (1 + n % 200) as u8], 0)))?;
    timeout(5 * SECOND, socket.connect(site.bank(0).address)).await?
}

/// Thousands of handshakes at once, again and again.
pub async fn storm() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let (target, shaken) = (Target::tpp(site.bank(0), CIC.tpp_host, "http/1.1"), Cell::new(0));
    let fault = async {
        let until = Instant::now() + 8 * SECOND;
        while Instant::now() < until {
            let strangers = (0..1_000).map(async |stranger| {
                let tcp = connect(&site, stranger).await?;
                timeout(5 * SECOND, target.over(tcp)).await?
            });
            let done = together(strangers).await.into_iter().filter(Result::is_ok).count();
            shaken.set(shaken.get() + done);
        }
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    let note = format!("{} handshakes beside the load", shaken.get());
    Ok(ledger.close(&site, injected, healed).await.noting(note))
}

/// Peers that begin and never end: a byte of a handshake, a byte of a head, now and then.
pub async fn slowloris() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let (target, cut) = (Target::psu(site.bank(0), LBP.psu_host, "http/1.1"), Cell::new(0));
    let hello = target.hello();
    let fault = async {
        let silent = (0..1_500).map(async |stranger| {
            let mut tcp = connect(&site, stranger).await?;
            for byte in hello.iter().cycle().take(12) {
                tcp.write_all(&[*byte]).await?;
                sleep(SECOND).await;
            }
            std::io::Result::Ok(())
        });
        let heads = (1_500..2_000).map(async |stranger| {
            let mut stream = timeout(10 * SECOND, target.over(connect(&site, stranger).await?)).await??;
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".iter().cycle().take(12) {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                sleep(SECOND).await;
            }
            std::io::Result::Ok(())
        });
        let (silent, heads) = tokio::join!(together(silent), together(heads));
        cut.set(silent.iter().chain(&heads).filter(|ended| ended.is_err()).count());
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    let note = format!("{} of 2000 were cut off", cut.get());
    Ok(ledger.close(&site, injected, healed).await.noting(note))
}

/// A token by client_credentials, or no answer.
async fn ask(client: &Client<'static>) -> Option<Reply> {
    client.try_post(CIC.channel("web").2, &[("grant_type", "client_credentials"), ("scope", "pisp")]).await
}

/// How long an honest token takes, as a median.
async fn median(client: &Client<'static>, ledger: &Ledger, asked: usize) -> Duration {
    let mut times = vec![];
    for _ in 0..asked {
        let began = Instant::now();
        let reply = ask(client).await;
        ledger.sees(reply.as_ref(), began.elapsed());
        times.push(began.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// One TPP asks a hundred times as often as another: that one's requests are all answered.
pub async fn greedy() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let honest = site.bank(0).tpp([PaymentInitiation]).register(CIC).await;
    let greedy = site.bank(0).tpp([PaymentInitiation]).register(CIC).await;
    let before = median(&honest, &ledger, 100).await;
    let (injected, told) = (Instant::now(), Cell::new([0; 3]));
    let stop = Cell::new(false);
    let storm = together((0..100).map(async |_| {
        while !stop.get() {
            let status = ask(&greedy).await.map(|reply| reply.status);
            let mut counts = told.get();
            match status {
                Some(200) => counts[0] += 1,
                Some(429) => counts[1] += 1,
                Some(_) | None => counts[2] += 1,
            }
            told.set(counts);
        }
    }));
    let meanwhile = async {
        let meanwhile = median(&honest, &ledger, 200).await;
        stop.set(true);
        meanwhile
    };
    let (_, meanwhile) = tokio::join!(storm, meanwhile);
    let [done, limited, other] = told.get();
    let ratio = meanwhile.as_secs_f64() / before.as_secs_f64();
    let note =
        format!("the greedy one: {done} answered, {limited} times 429, {other} else; the honest one's median {ratio:.1} times the usual");
    Ok(ledger.close(&site, injected, Instant::now()).await.noting(note))
}
