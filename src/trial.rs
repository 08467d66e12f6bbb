//! `guichet try`: a TPP of a few lines.

use clap::Args;

#[derive(Args)]
pub struct TryArgs {}

pub async fn run(_args: &TryArgs) -> Result<(), String> {
    Ok(())
}
