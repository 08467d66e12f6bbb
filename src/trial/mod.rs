//! `guichet try`: a TPP of a few lines, against a running server, that shows what goes over the wire.

mod customer;
mod endpoints;
mod journey;
pub mod mask;
mod target;
mod wire;

use clap::{Args, ValueEnum};
use journey::Session;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use target::Target;
use wire::Transcript;

/// How far a TPP goes. Each journey begins with what it needs, and ends with the deletion of its client (`register` keeps it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Journey {
    /// Register a client and read it back; it stays
    Register,
    /// Send a customer to the bank and receive a code
    Authorize,
    /// Exchange the code for tokens
    Token,
    /// Refresh, where the bank has refresh tokens
    Refresh,
    /// A token without customer, to lodge payments
    ClientCredentials,
    /// Revoke what the customer granted
    Revoke,
    /// Ask, as the bank's own systems do, what a token is good for
    Introspect,
    /// Everything, on every channel
    All,
}

#[derive(Args)]
pub struct TryArgs {
    /// How far to go
    #[arg(value_enum, default_value = "all")]
    pub journey: Journey,
    /// A brand that `guichet dev` serves; without it, each
    #[arg(long, value_name = "NAME", conflicts_with = "issuer")]
    pub brand: Option<String>,
    /// A channel of the brand, such as web; without it, each
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// A scripted customer of the sandbox: approves, or the name of a failure, such as cancelled
    #[arg(long, value_name = "LOGIN", default_value = "approves")]
    pub customer: String,
    /// Of the scripted customer
    #[arg(long, default_value = "sandbox")]
    pub password: String,
    #[arg(long, default_value = "aisp")]
    pub scope: String,
    /// Registered, and where the customer is sent; nobody needs to answer there
    #[arg(long, value_name = "URI", default_value = "https://tpp.example/callback")]
    pub redirect_uri: String,
    /// Where `guichet dev` keeps its files
    #[arg(long, value_name = "DIR", conflicts_with = "issuer")]
    pub dir: Option<PathBuf>,
    /// Your own installation: the brand's issuer (RFC 8414)
    #[arg(long, value_name = "URL", requires_all = ["ca", "cert", "key"], help_heading = "Your own installation")]
    pub issuer: Option<String>,
    /// PEM: who issued the server's certificates
    #[arg(long, value_name = "FILE", requires = "issuer", help_heading = "Your own installation")]
    pub ca: Option<PathBuf>,
    /// PEM: the QWAC, leaf first; with `guichet dev`, instead of its certificate with all roles
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Your own installation")]
    pub cert: Option<PathBuf>,
    /// PEM: the QWAC's key
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Your own installation")]
    pub key: Option<PathBuf>,
    /// The brand's introspection endpoint on the internal listener
    #[arg(long, value_name = "URL", requires_all = ["issuer", "gateway_ca", "gateway_cert", "gateway_key"], help_heading = "Your own installation")]
    pub internal: Option<String>,
    /// PEM: who issued the internal listener's certificate
    #[arg(long, value_name = "FILE", requires = "internal", help_heading = "Your own installation")]
    pub gateway_ca: Option<PathBuf>,
    /// PEM: a certificate that the internal listener admits
    #[arg(long, value_name = "FILE", requires = "internal", help_heading = "Your own installation")]
    pub gateway_cert: Option<PathBuf>,
    /// PEM: its key
    #[arg(long, value_name = "FILE", requires = "internal", help_heading = "Your own installation")]
    pub gateway_key: Option<PathBuf>,
}

/// Walks the journey at every brand that is meant, and writes the exchange to `out`. `dev_dir`: where `guichet dev` keeps its
/// files when the arguments name no other place.
///
/// # Errors
/// The first expectation that was not met, with what the server said; or what could not be read or reached.
pub async fn run(args: &TryArgs, dev_dir: &Path, out: &mut dyn Write) -> Result<(), String> {
    let targets = Target::of(args, args.dir.as_deref().unwrap_or(dev_dir))?;
    let mut transcript = Transcript::new(out);
    for target in &targets {
        transcript.say(&format!("\n=== {} ===\n", target.issuer))?;
        let walked = async { Session::begin(args, target, &mut transcript).await?.walk().await };
        walked.await.map_err(|why| format!("{}: {why}", target.issuer))?;
    }
    transcript.say("Everything went as expected.")
}
