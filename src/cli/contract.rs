//! `guichet contract-check`: a bank asks its own SCA back end what the driver will ask it.

use super::Failure;
use crate::{
    clock::{Clock, Entropy, System},
    oauth::secret::Secret,
    sca::{
        contract::{Subject, check},
        http::{Identity, connect},
    },
};
use clap::Args;
use std::{path::PathBuf, process::ExitCode, time::Duration};

#[derive(Args)]
pub(super) struct ContractCheck {
    /// `driver_url` of the back end
    url: String,
    /// PEM: who issues the back end's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// PEM: what we show to it
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A customer made for tests: one wrong password and one wrong code are tried
    #[arg(long)]
    login: String,
    #[arg(long, env = "GUICHET_CHECK_PASSWORD", hide_env_values = true)]
    password: String,
    /// The right code, where the method asks for one
    #[arg(long, env = "GUICHET_CHECK_OTP", hide_env_values = true)]
    otp: Option<String>,
    /// Id of the method to authenticate by; the first active one where absent
    #[arg(long)]
    method: Option<String>,
    /// Seconds to wait for an approval in the app
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: u64,
}

/// All the checks, one a line. 8 where one fails.
pub(super) async fn run(args: ContractCheck) -> Result<ExitCode, Failure> {
    let own = Identity { certificate: &args.certificate, key: &args.key };
    let client = connect(&args.ca, Some(own), Duration::from_secs(5)).map_err(|why| Failure(3, why))?;
    let stranger = connect(&args.ca, None, Duration::from_secs(5)).map_err(|why| Failure(3, why))?;
    let subject = Subject {
        url: args.url.trim_end_matches('/').to_owned(),
        client,
        stranger,
        login: args.login,
        password: Secret::new(&args.password),
        code: args.otp.map(|code| Secret::new(&code)),
        method: args.method,
        wait: Duration::from_secs(args.wait),
    };
    let system = System::new();
    let entropy: &dyn Entropy = &system;
    let checks = check(&subject, &|| entropy.uuid(system.now()), &|| system.now()).await;
    let failed = checks.iter().filter(|check| check.instead.is_some()).count();
    for check in &checks {
        match &check.instead {
            None => say!("pass  {}", check.expects),
            Some(instead) => say!("FAIL  {}: {instead}", check.expects),
        }
    }
    say!("{} passed, {failed} failed", checks.len() - failed);
    Ok(ExitCode::from(if failed == 0 { 0 } else { 8 }))
}
