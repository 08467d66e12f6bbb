//! Somebody has a journey's URL and not its cookie: the phone lost it, or it is another browser.

use super::certificate::check_watched;
use crate::{
    app::App,
    oauth::{
        brand::{Brand, Lang},
        client::Client,
        interaction::InteractionId,
    },
    storage::Outage,
};

/// With whom he may start again, while the journey is under way: its TPP, and the language.
///
/// An id has 74 random bits, so he did not guess it: he has seen the URL, in this browser's history or in a message. He learns what
/// the TPP says of itself in public, and nothing of the customer. No answer leaves for the TPP and no link carries `state`, not even
/// with an error: `state` is the TPP's defence against a forged answer, and he who sent or found the URL would have it.
pub async fn start_again(app: &App, brand: &Brand, id: InteractionId) -> Result<Option<(Client, Lang)>, Outage> {
    check_watched(app)?;
    let mut tx = app.db.begin("start_again").await?;
    let Some(interaction) = tx.lock_interaction(&brand.id, id).await? else { return Ok(None) };
    let client =
        if interaction.stage(brand, app.clock.now()).is_under_way() { tx.find_client(&brand.id, interaction.client).await? } else { None };
    tx.commit().await?;
    Ok(client.map(|client| (client, interaction.lang)))
}
