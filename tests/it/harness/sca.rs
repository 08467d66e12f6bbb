//! A bank whose customers authenticate at its own SCA back end: the reference one, or one that lies.

use super::{
    bank::{Bank, BankOptions, TestClock, pki},
    psu::Psu,
};
use axum::Router;
use guichet::clock::Clock;
use std::{
    net::Ipv4Addr,
    sync::{Arc, OnceLock},
};
use time::OffsetDateTime;
use tokio::net::TcpListener;

#[path = "../../../examples/sca_backend/bank.rs"]
pub mod reference;
#[path = "../../../examples/sca_backend/serve.rs"]
#[allow(dead_code)]
pub mod serve;

pub use reference::Bank as Reference;

/// `[brand.sca]` of each brand.
pub fn settings(port: u16, deadline_seconds: u64) -> String {
    let file = |name: &str| pki().1.file(name).display().to_string();
    format!(
        "[brand.sca]\nmode = \"driver\"\ndriver_url = \"https://localhost:{port}\"\nca_file = {:?}\nclient_certificate_file = {:?}\n\
         client_key_file = {:?}\ndeadline_seconds = {deadline_seconds}\n",
        file("bank-ca.pem"),
        file("gateway.pem"),
        file("gateway.key"),
    )
}

/// The reference back end, what it answers changed by `twist`, with the certificate of this name.
pub async fn bank_behind(certificate: &str, twist: impl FnOnce(Router) -> Router) -> (Bank, Reference) {
    let clock = Arc::new(OnceLock::<Arc<TestClock>>::new());
    let reading = clock.clone();
    let now = move || reading.get().map_or(OffsetDateTime::UNIX_EPOCH, |clock| clock.now());
    let reference = Reference::new(Arc::new(now));
    let port = listen(certificate, twist(reference.clone().router())).await;
    let bank = Bank::with(BankOptions { brand_extra: settings(port, 1), ..BankOptions::default() }).await;
    assert!(clock.set(bank.clock.clone()).is_ok());
    (bank, reference)
}

/// Serves these routes as a bank's back end would.
pub async fn listen(certificate: &str, routes: Router) -> u16 {
    let file = |name: &str| pki().1.file(name);
    let (chain, key) = (file(&format!("{certificate}.pem")), file(&format!("{certificate}.key")));
    let tls = serve::tls(&chain, &key, &file("bank-ca.pem")).unwrap();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(serve::serve(socket, tls, routes));
    port
}

pub async fn reference_bank() -> (Bank, Reference) {
    bank_behind("internal", |routes| routes).await
}

impl Psu {
    /// As a customer of the reference back end.
    pub async fn name(&mut self, login: &str, password: &str) {
        self.post(&[("customer", login), ("password", password), ("decision", "sign_in")]).await;
    }

    /// What the waiting page's script learns.
    pub async fn status(&self) -> String {
        let reply = self.wire.send(reqwest::Method::GET, &format!("{}/status", self.journey), &[("cookie", &self.cookie)], "").await;
        reply.ok(200).json()["state"].as_str().unwrap().to_owned()
    }
}
