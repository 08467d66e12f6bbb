//! The rest of the web: the TPP's redirect URI and an attacker's pages, over TLS, for a real browser.

use super::bank::pki;
use guichet::tls::files::load_chain_and_key;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

/// Path to answer.
type Pages = Arc<Mutex<HashMap<String, Answer>>>;

#[derive(Clone)]
enum Answer {
    Page(String),
    /// 303 to there.
    Away(String),
}

/// Every host below `.example`, as the browsers see it.
pub struct Elsewhere {
    port: u16,
    pages: Pages,
}

impl Elsewhere {
    pub fn get() -> &'static Self {
        static ELSEWHERE: OnceLock<Elsewhere> = OnceLock::new();
        ELSEWHERE.get_or_init(|| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (port, pages) = (listener.local_addr().unwrap().port(), Pages::default());
            let served = pages.clone();
            thread::spawn(move || serve(&listener, &served));
            Self { port, pages }
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts up a page at a host that is not the bank's, and says where.
    pub fn page(&self, host: &str, html: &str) -> String {
        self.put(host, Answer::Page(format!("<!doctype html><title>Elsewhere</title>{html}")))
    }

    /// An address that sends each browser on to `location`.
    pub fn redirect(&self, host: &str, location: &str) -> String {
        self.put(host, Answer::Away(location.to_owned()))
    }

    fn put(&self, host: &str, answer: Answer) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let path = format!("/page/{}", NEXT.fetch_add(1, Ordering::SeqCst));
        self.pages.lock().unwrap().insert(path.clone(), answer);
        format!("https://{host}{path}")
    }
}

fn serve(listener: &TcpListener, pages: &Pages) {
    let pki = &pki().1;
    let identity = load_chain_and_key(&pki.file("server.pem"), &pki.file("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap());
    for socket in listener.incoming().flatten() {
        let (config, pages) = (config.clone(), pages.clone());
        // a browser that hangs up early is no fault
        thread::spawn(move || drop(answer(socket, config, &pages)));
    }
}

fn answer(socket: TcpStream, config: Arc<ServerConfig>, pages: &Pages) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, socket));
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let target = request.split(' ').nth(1).unwrap_or("/");
    let path = target.split('?').next().unwrap_or("/");
    let found = pages.lock().unwrap().get(path).cloned();
    let (status, page) = match found {
        Some(Answer::Page(page)) => ("200 OK".to_owned(), page),
        Some(Answer::Away(location)) => (format!("303 See Other\r\nLocation: {location}"), String::new()),
        None => ("200 OK".to_owned(), "<!doctype html><title>Elsewhere</title><p>Not the bank".to_owned()),
    };
    let (stream, length) = (stream.get_mut(), page.len());
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &page).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
