//! Strangers' servers are reached through one door, which bounds what they can do to us.

use guichet::{
    config::OutboundSettings,
    outbound::{Fetch, FetchError, Outbound},
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What a server on loopback does with each connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Says this, whatever it is asked.
    Says(&'static str),
    /// Reads and says nothing.
    Silent,
    /// A body without end, its length not told.
    Endless,
    /// A byte now and then.
    Drips,
}

/// The `host:port` of a server with that manner.
async fn server(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let _ = socket.read(&mut asked).await;
                match manner {
                    Manner::Says(answer) => drop(socket.write_all(answer.as_bytes()).await),
                    Manner::Silent => std::future::pending().await,
                    Manner::Endless => {
                        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                        while socket.write_all(&[0; 1 << 16]).await.is_ok() {}
                    }
                    Manner::Drips => {
                        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                        while socket.write_all(b"x").await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
            });
        }
    });
    address
}

fn door(private_hosts: Vec<String>) -> Outbound {
    Outbound::new(&OutboundSettings { proxy_url: None, private_hosts }).unwrap()
}

async fn fetch(door: &Outbound, url: &str) -> Result<Vec<u8>, FetchError> {
    door.fetch(Fetch { url, post: None, max_bytes: 1_000, deadline: Duration::from_millis(500) }).await
}

#[tokio::test]
async fn a_stranger_can_neither_hold_nor_flood_nor_lead_us() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\nhi";
    let away = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let broken = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhi";
    for (what, manner, expected) in [
        ("answers", Manner::Says(ok), Ok(b"hi".to_vec())),
        ("announces too much", Manner::Says(long), Err(FetchError::TooLarge)),
        ("redirects", Manner::Says(away), Err(FetchError::Redirected)),
        ("is broken", Manner::Says(broken), Err(FetchError::Status(500))),
        ("ends early", Manner::Says(short), Err(FetchError::Failed)),
        ("speaks no HTTP", Manner::Says("SSH-2.0-x\r\n"), Err(FetchError::Failed)),
        ("is silent", Manner::Silent, Err(FetchError::TimedOut)),
        ("never ends", Manner::Endless, Err(FetchError::TooLarge)),
        ("drips", Manner::Drips, Err(FetchError::TimedOut)),
    ] {
        let host = server(manner).await;
        let began = Instant::now();
        assert_eq!(fetch(&door(vec![host.clone()]), &format!("http://{host}/")).await, expected, "{what}");
        assert!(began.elapsed() < Duration::from_secs(2), "{what}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn private_addresses_are_reached_only_where_they_are_listed() {
    let host = server(Manner::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")).await;
    let port = host.rsplit_once(':').unwrap().1.to_owned();
    let listed = door(vec![host.clone()]);
    assert_eq!(fetch(&listed, &format!("http://{host}/")).await, Ok(b"hi".to_vec()));
    // listed under one name, not under another
    assert_eq!(fetch(&listed, &format!("http://localhost:{port}/")).await, Err(FetchError::Forbidden));
    assert_eq!(fetch(&door(vec![]), &format!("http://{host}/")).await, Err(FetchError::Forbidden));
    // on an allowed port, by a name that leads to loopback
    assert_eq!(fetch(&door(vec![]), "http://localhost/").await, Err(FetchError::Forbidden));
    // a listed name is resolved freely
    let by_name = door(vec![format!("localhost:{port}")]);
    assert_eq!(fetch(&by_name, &format!("http://localhost:{port}/")).await, Ok(b"hi".to_vec()));
}

#[tokio::test]
async fn a_proxy_is_asked_for_all_but_the_listed_hosts() {
    let proxy = server(Manner::Says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")).await;
    let own = server(Manner::Says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")).await;
    let settings = OutboundSettings { proxy_url: Some(format!("http://{proxy}")), private_hosts: vec![own.clone()] };
    let door = Outbound::new(&settings).unwrap();
    assert_eq!(fetch(&door, "http://ocsp.qtsp.example/").await, Ok(b"proxy".to_vec()));
    assert_eq!(fetch(&door, &format!("http://{own}/")).await, Ok(b"own".to_vec()));
    for private in ["http://127.0.0.1/", "http://[fd00::1]/", "http://localhost/", "http://db.internal/"] {
        assert_eq!(fetch(&door, private).await, Err(FetchError::Forbidden), "{private}");
    }
}
