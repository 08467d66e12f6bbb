//! The bank's own pages or app: the browser is handed over with a ticket, and the bank's back end reads the journey by it and
//! says how it ended, once.

use super::{
    answer,
    certificate::check_watched,
    conclusion::{self, Approval},
    journey::{self, View},
    note, payment, standing,
};
use crate::{
    app::App,
    oauth::{
        brand::Brand,
        client::Client,
        conclusion::{ConclusionRefusal, Requirement, Said, Served, Verdict, confirmation, judge},
        error::OAuthError,
        interaction::{BegunBy, Interaction, InteractionId, Stage, State},
        payment::Payment,
        sca::ScaFailure,
        secret::{Handle, HandleKind, Secret},
    },
    standing::StandingRefusal,
    storage::{Outage, Tx},
};
use time::OffsetDateTime;

/// Where the bank's system sends the browser, or the app, next.
pub enum Way {
    /// The journey's page tells the customer what there is to tell, and leads home.
    Page(InteractionId),
    /// The browser that began the journey fetches the answer; an approval only with what the portal hands it.
    Return(InteractionId, Option<Secret>),
    /// The app goes home: the TPP's redirect URI, with the answer in it.
    Home(String),
}

/// A refusal, and where to send the customer where nothing is left to do.
pub struct Refused {
    pub refusal: ConclusionRefusal,
    pub way: Option<Way>,
}

impl From<ConclusionRefusal> for Refused {
    fn from(refusal: ConclusionRefusal) -> Self {
        Self { refusal, way: None }
    }
}

/// A journey as the bank's system reads it.
pub struct Told {
    pub interaction: Interaction,
    pub client: Client,
    pub payment: Option<Payment>,
    pub required: Vec<Requirement>,
    pub status: Status,
}

pub enum Status {
    Open,
    Completed,
    Failed(ScaFailure, Option<Way>),
}

type Read<T> = Result<Result<T, Refused>, Outage>;

/// All that the bank's system needs to know. Reading changes nothing and may be repeated.
pub async fn read(app: &App, brand: &Brand, ticket: &str) -> Read<Told> {
    check_watched(app)?;
    let now = app.clock.now();
    let mut tx = app.db.begin("read_interaction").await?;
    let Some(interaction) = find(&mut tx, brand, ticket).await? else { return Ok(Err(ConclusionRefusal::Unknown.into())) };
    let client = tx.find_client(&brand.id, interaction.client).await?;
    let status = match interaction.stage(brand, now) {
        Stage::Fail(failure) => Status::Failed(failure, failed_way(app, brand, &interaction, failure, now)?),
        Stage::Deliver(_) | Stage::Done => Status::Completed,
        Stage::HandedOff => Status::Open,
        // not in the bank's hands yet
        Stage::AppOffered | Stage::SignIn | Stage::Accounts(_) | Stage::Consent(_) | Stage::Methods(_) | Stage::Challenged(..) => {
            return Ok(Err(ConclusionRefusal::Unknown.into()));
        }
    };
    let Some(client) = client else {
        return Ok(Err(Refused { refusal: ConclusionRefusal::Void, way: way_out(app, brand, &interaction, now)? }));
    };
    if matches!(status, Status::Open)
        && let Some(refusal) = not_served(app, brand, &interaction, &client, now)
    {
        return turn_away(app, brand, tx, &interaction, &client, &refusal, now).await.map(Err);
    }
    let payment = payment_of(app, brand, &mut tx, &interaction, now).await?;
    tx.commit().await?;
    if payment.is_err() && matches!(status, Status::Open) {
        return Ok(Err(Refused { refusal: ConclusionRefusal::Void, way: way_out(app, brand, &interaction, now)? }));
    }
    let payment = payment.ok().flatten();
    let required = Requirement::of(brand, &interaction.scope, payment.as_ref());
    Ok(Ok(Told { interaction, client, payment, required, status }))
}

/// The bank's word on how the journey ended. `by`: which of its systems says so.
pub async fn conclude(app: &App, brand: &Brand, ticket: &str, said: &Said, by: &str) -> Read<Way> {
    let answer = take_word(app, brand, ticket, said, by).await?;
    let outcome = match (&answer, said) {
        (Err(refused), _) => refused.refusal.name(),
        (Ok(_), Said::Completed(_)) => "completed",
        (Ok(_), Said::Failed(_)) => "failed",
    };
    metrics::counter!("guichet_interactions_concluded_total", "outcome" => outcome).increment(1);
    Ok(answer)
}

async fn take_word(app: &App, brand: &Brand, ticket: &str, said: &Said, by: &str) -> Read<Way> {
    check_watched(app)?;
    let now = app.clock.now();
    let mut tx = app.db.begin("conclude_interaction").await?;
    let Some(interaction) = find(&mut tx, brand, ticket).await? else { return Ok(Err(ConclusionRefusal::Unknown.into())) };
    let payment = payment_of(app, brand, &mut tx, &interaction, now).await?;
    let client = tx.find_client(&brand.id, interaction.client).await?;
    let refused_now = client.as_ref().and_then(|client| Some((client, not_served(app, brand, &interaction, client, now)?)));
    let served = match (&client, &refused_now) {
        (None, _) => Served::Gone,
        (Some(_), Some(_)) => Served::NotNow,
        (Some(_), None) => Served::Yes,
    };
    let desk = Desk { app, brand, interaction: &interaction, ticket, said, by, now };
    let answer = match judge(brand, &interaction, payment.as_ref().map(Option::as_ref).map_err(|failure| *failure), served, said, now) {
        Verdict::Approve(accepted) => {
            let approval =
                Approval { psu: accepted.psu, sca_at: accepted.sca_at, evidence: accepted.evidence, accounts: accepted.accounts };
            let state = conclusion::approve_by(app, brand, &mut tx, &interaction, approval, Some(by), now).await?;
            desk.keep_word(&mut tx).await?;
            desk.lead_home(&mut tx, &state).await?
        }
        Verdict::Fail(failure) => {
            desk.fail(&mut tx, failure).await?;
            desk.keep_word(&mut tx).await?;
            failed_way(app, brand, &interaction, failure, now)?.ok_or(ConclusionRefusal::Unknown.into())
        }
        // its code goes out only while the TPP is served
        Verdict::Repeat if interaction.begun_by == BegunBy::App && served == Served::NotNow => Err(ConclusionRefusal::NotServed.into()),
        Verdict::Repeat => desk.lead_home(&mut tx, &interaction.state).await?,
        Verdict::Refuse(refusal) => {
            let way =
                if let State::Failed(failure) = interaction.state { failed_way(app, brand, &interaction, failure, now)? } else { None };
            Err(Refused { refusal, way })
        }
        Verdict::FailAndRefuse(failure, refusal) => {
            if !matches!(interaction.state, State::Failed(_)) {
                desk.fail(&mut tx, failure).await?;
                if refusal != ConclusionRefusal::Late {
                    desk.keep_word(&mut tx).await?;
                }
            }
            Err(Refused { refusal, way: failed_way(app, brand, &interaction, failure, now)? })
        }
    };
    match (&answer, refused_now) {
        (Err(Refused { refusal: ConclusionRefusal::NotServed, .. }), Some((client, refusal))) => {
            turn_away(app, brand, tx, &interaction, client, &refusal, now).await.map(Err)
        }
        _ => {
            tx.commit().await?;
            Ok(answer)
        }
    }
}

/// A journey whose row is held, and what is said of it.
struct Desk<'a> {
    app: &'a App,
    brand: &'a Brand,
    interaction: &'a Interaction,
    ticket: &'a str,
    said: &'a Said,
    by: &'a str,
    now: OffsetDateTime,
}

impl Desk<'_> {
    async fn fail(&self, tx: &mut Tx, failure: ScaFailure) -> Result<(), Outage> {
        conclusion::fail_by(self.app, self.brand, tx, self.interaction, failure, Some(self.by), self.now).await.map(drop)
    }

    /// So that the same word again is known as a retry, and another one as another.
    async fn keep_word(&self, tx: &mut Tx) -> Result<(), Outage> {
        tx.set_interaction_conclusion(self.interaction.id, &self.said.digest()).await
    }

    /// From a concluded journey. The app's code is minted here; asked for again before it was used, it is replaced.
    async fn lead_home(&self, tx: &mut Tx, state: &State) -> Read<Way> {
        let id = self.interaction.id;
        let grant = match state {
            State::Approved { grant } => *grant,
            State::Failed(failure) => {
                let refusal = match self.said {
                    Said::Failed(_) => {
                        return Ok(failed_way(self.app, self.brand, self.interaction, *failure, self.now)?
                            .ok_or(ConclusionRefusal::Unknown.into()));
                    }
                    Said::Completed(_) => ConclusionRefusal::Void,
                };
                return Ok(Err(Refused { refusal, way: failed_way(self.app, self.brand, self.interaction, *failure, self.now)? }));
            }
            State::Done => {
                return Ok(Ok(match self.interaction.begun_by {
                    BegunBy::Browser => Way::Return(id, None),
                    BegunBy::App => Way::Home(answer::location(self.app, &self.interaction.redirect(self.brand).done(), self.now)?),
                }));
            }
            State::AppOffered
            | State::HandedOff
            | State::SignIn { .. }
            | State::Accounts(_)
            | State::Consent(_)
            | State::Methods(_)
            | State::Challenged(..) => return Ok(Ok(Way::Return(id, None))),
        };
        match self.interaction.begun_by {
            BegunBy::Browser => {
                let confirmation = confirmation(&Secret::new(self.ticket), grant, &self.said.digest());
                Ok(Ok(Way::Return(id, Some(confirmation))))
            }
            BegunBy::App => {
                let view = journey::deliver(self.app, self.brand, tx, self.interaction, grant, self.now).await?;
                let home = if let View::GoHome(location) = view { Some(Way::Home(location)) } else { None };
                Ok(home.ok_or(ConclusionRefusal::AlreadyConcluded.into()))
            }
        }
    }
}

/// The journey that the ticket opens. An unknown one looks like another brand's.
async fn find(tx: &mut Tx, brand: &Brand, ticket: &str) -> Result<Option<Interaction>, Outage> {
    let Some(handle) = Handle::parse(HandleKind::Ticket, ticket) else { return Ok(None) };
    let interaction = tx.lock_interaction(&brand.id, InteractionId(handle.id)).await?;
    let interaction = interaction.filter(|interaction| interaction.ticket.is_some_and(|stored| stored.matches(&handle.digest)));
    interaction.as_ref().inspect(|interaction| note(interaction));
    Ok(interaction)
}

/// The lodged payment that the journey is about, or how it ends because that is no longer there to be approved. Of an approved
/// journey: as it was approved.
async fn payment_of(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    now: OffsetDateTime,
) -> Result<Result<Option<Payment>, ScaFailure>, Outage> {
    let concluded = matches!(interaction.state, State::Approved { .. } | State::Done | State::Failed(_));
    let Some(version) = interaction.payment.filter(|_| concluded) else {
        return payment::of_journey(app, brand, tx, interaction, now).await;
    };
    let lodged = tx.find_payment(&brand.id, version.id).await?.filter(|lodged| lodged.version() == version);
    Ok(lodged.map(|lodged| Some(lodged.payment)).ok_or(ScaFailure::Technical))
}

fn not_served(app: &App, brand: &Brand, interaction: &Interaction, client: &Client, now: OffsetDateTime) -> Option<StandingRefusal> {
    if !app.standing.asks(&brand.id) {
        return None;
    }
    standing::may_receive(app, brand, client, &interaction.scope, now).err()
}

/// Ends the transaction with the refusal in the audit trail, once in a while. A browser is told on the journey's page.
async fn turn_away(
    app: &App,
    brand: &Brand,
    tx: Tx,
    interaction: &Interaction,
    client: &Client,
    refusal: &StandingRefusal,
    now: OffsetDateTime,
) -> Result<Refused, Outage> {
    let telling = standing::of_client(app, brand, client, refusal, now);
    standing::tell_and_commit(app, telling, tx, now).await?;
    Ok(Refused { refusal: ConclusionRefusal::NotServed, way: way_out(app, brand, interaction, now)? })
}

/// Out of a journey that cannot go on, though nothing concluded it.
fn way_out(app: &App, brand: &Brand, interaction: &Interaction, now: OffsetDateTime) -> Result<Option<Way>, Outage> {
    Ok(Some(match interaction.begun_by {
        BegunBy::Browser => Way::Page(interaction.id),
        BegunBy::App => {
            let error = OAuthError::PROVIDER_REFUSED.body();
            let refused = interaction.redirect(brand).refuse(error.error, &error.error_description);
            Way::Home(answer::location(app, &refused, now)?)
        }
    }))
}

/// `None`: the channel's row was taken out of the configuration while the journey ran.
fn failed_way(
    app: &App,
    brand: &Brand,
    interaction: &Interaction,
    failure: ScaFailure,
    now: OffsetDateTime,
) -> Result<Option<Way>, Outage> {
    match (interaction.begun_by, brand.channel(&interaction.channel)) {
        (BegunBy::Browser, _) => Ok(Some(Way::Return(interaction.id, None))),
        (BegunBy::App, None) => Ok(None),
        (BegunBy::App, Some(channel)) => {
            answer::location(app, &interaction.failure_redirect(failure, channel, brand), now).map(Way::Home).map(Some)
        }
    }
}
