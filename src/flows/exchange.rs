//! The bank's app hands an authorization URL in, by its back end, and gets the journey that a browser would have got.

use super::authorize::{self, Begun, Bringer, Brought};
use crate::{
    app::App,
    oauth::{
        app_url::AppUrl,
        authorize::request_digest,
        brand::{Brand, Lang},
        error::OAuthError,
        interaction::{BrowserKey, Interaction},
        redirect::NoRedirect,
        secret::{Digest, Secret},
    },
    storage::Outage,
};

/// What the app does now.
pub enum Exchanged {
    /// Its back end reads the journey by this ticket, and concludes it.
    Journey(Secret),
    /// Open the TPP's redirect URI, with the error in it.
    GoHome {
        location: String,
        /// What the operator has to say to customers.
        notice: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeRefusal {
    /// Nobody may be redirected: the app says so itself.
    Nobody(NoRedirect),
    /// The key began a journey of another request.
    KeyUsed,
}

/// `key`: what the back end calls this exchange; again with the same one is the same journey.
pub async fn exchange(
    app: &App,
    brand: &Brand,
    url: &AppUrl<'_>,
    lang: &(dyn Fn(Option<&str>) -> Lang + Sync),
    key: Option<&str>,
) -> Result<Result<Exchanged, ExchangeRefusal>, Outage> {
    let AppUrl { channel, params, .. } = url;
    let browser = key.map_or_else(|| BrowserKey::new(app.entropy.bytes()), |key| BrowserKey::of_app(&brand.id, key));
    let request = request_digest(brand, channel, params);
    if key.is_some()
        && let Some(before) = begun_before(app, brand, &browser, &request).await?
    {
        return Ok(before);
    }
    let answer = match authorize::begin(app, brand, &Brought { channel, params, lang, by: Bringer::App { key: &browser } }).await? {
        Begun::Journey(interaction) | Begun::OpenApp { interaction, .. } => Ok(journey(&browser, &interaction)),
        Begun::GoHome(location) | Begun::Crowded(location) => Ok(Exchanged::GoHome { location, notice: None }),
        Begun::NotServed { home, notice, .. } => Ok(Exchanged::GoHome { location: home, notice }),
        Begun::Page(nobody) => match begun_before(app, brand, &browser, &request).await? {
            // the same key at the same time was faster
            Some(before) => before,
            None => Err(ExchangeRefusal::Nobody(nobody)),
        },
    };
    Ok(answer)
}

fn journey(browser: &BrowserKey, interaction: &Interaction) -> Exchanged {
    Exchanged::Journey(browser.ticket(interaction.id).1)
}

impl From<ExchangeRefusal> for OAuthError {
    fn from(refusal: ExchangeRefusal) -> Self {
        match refusal {
            ExchangeRefusal::Nobody(nobody) => nobody.into(),
            ExchangeRefusal::KeyUsed => Self::IDEMPOTENCY_KEY_USED,
        }
    }
}

async fn begun_before(
    app: &App,
    brand: &Brand,
    browser: &BrowserKey,
    request: &Digest,
) -> Result<Option<Result<Exchanged, ExchangeRefusal>>, Outage> {
    let mut tx = app.db.begin("find_exchange").await?;
    let Some(id) = tx.find_interaction_of_app(&browser.digest()).await? else { return Ok(None) };
    let Some(interaction) = tx.lock_interaction(&brand.id, id).await? else { return Ok(None) };
    tx.commit().await?;
    let same = interaction.request.as_ref().is_some_and(|known| known.matches(request));
    Ok(Some(if same { Ok(journey(browser, &interaction)) } else { Err(ExchangeRefusal::KeyUsed) }))
}
