//! Signing keys that are made by their age, where the settings say so: each server looks, and the first one makes the next key.

use super::Turns;
use crate::{
    app::{App, Current},
    flows::{Outage, admin::keys},
};
use time::Duration;
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const EVERY: Duration = Duration::MINUTE;

/// Until `stop`.
pub async fn run(current: Current, stop: CancellationToken) {
    let mut turns = Turns::new(current, stop.clone());
    while let Some((app, now)) = turns.next().await {
        turns.again(now + EVERY);
        match stop.run_until_cancelled(look(&app)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(outage)) => tracing::error!(error = %outage, "whether the next signing key is to be made is not known"),
        }
    }
}

async fn look(app: &App) -> Result<(), Outage> {
    match keys::rotate_by_age(app).await? {
        None => {}
        Some(Ok(_)) => tracing::info!("the next signing key was made: the newest one is of its age, or there was none"),
        Some(Err(refusal)) => tracing::error!(%refusal, "the next signing key was not made"),
    }
    Ok(())
}
