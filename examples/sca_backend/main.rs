//! A bank's SCA back end for guichet's driver, as small as it can be: what `openapi/sca-driver.json` describes, over mutual TLS.
//!
//! ```text
//! cargo run --example sca_backend -- ADDRESS CERTIFICATE KEY CLIENT_CA
//! ```
//!
//! It keeps everything in memory and knows nothing of guichet but the contract.

mod bank;
mod serve;

use std::{error::Error, net::SocketAddr, path::Path, sync::Arc};
use time::OffsetDateTime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, certificate, key, client_ca] = arguments.as_slice() else {
        return Err("usage: sca_backend ADDRESS CERTIFICATE KEY CLIENT_CA (PEM files)".into());
    };
    let socket = tokio::net::TcpListener::bind(address.parse::<SocketAddr>()?).await?;
    let tls = serve::tls(Path::new(certificate), Path::new(key), Path::new(client_ca))?;
    println!("SCA back end at https://{} for customers {}", socket.local_addr()?, bank::logins().join(", "));
    #[expect(clippy::disallowed_methods, reason = "a program of its own")]
    let bank = bank::Bank::new(Arc::new(OffsetDateTime::now_utc));
    serve::serve(socket, tls, bank.router()).await;
    Ok(())
}
