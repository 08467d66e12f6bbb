//! One run's judgement: what counts until now, who may sign, and what becomes of each list that is put on the desk.

use crate::{
    cli::Failure,
    config::{Settings, TrustedLists},
    outbound::FetchError,
    pki::trusted_list::{AcceptedList, Pointer, Snapshot, Verification},
    storage::{Db, Outage},
    trusted_lists::{
        Acceptance, Envelope, Followed, List, ListType, Lotl, OFFICIAL_SIGNERS, Offer, Refusal, Rules, Signer, accept, follow, printable,
        verify,
    },
};
use std::fs;
use time::{Duration, OffsetDateTime};

/// Who vouches for lists.
pub(super) enum Voucher {
    Signatures,
    /// By name: they were verified elsewhere.
    Operator(String),
}

pub(super) struct Desk {
    pub settings: TrustedLists,
    pub now: OffsetDateTime,
    /// As accepted until now, and its number when it was read.
    pub before: Snapshot,
    pub version: i64,
    rules: Rules,
    pinned: Vec<Signer>,
    voucher: Voucher,
    /// Who may sign the national lists, and who says so.
    pointers: Option<(String, Vec<Pointer>)>,
    /// How the list of lists goes back to the pinned signers.
    pub origin: Option<String>,
    pub warnings: Vec<String>,
}

/// A list that was read and vouched for.
pub(super) struct Vouched {
    pub offer: Offer,
    /// Of the list of lists.
    pub pointers: Option<Vec<Pointer>>,
}

pub(super) enum Read {
    Vouched(Box<Vouched>),
    /// Excluded, refused or unreachable.
    Ended(Judged),
}

pub(super) struct Judged {
    pub source: String,
    /// As it says, where it could be read.
    pub claims: Option<(String, u64)>,
    pub outcome: Outcome,
    /// What was vouched for, also where it is refused for another reason.
    pub vouched: Option<Box<Vouched>>,
}

pub(super) enum Outcome {
    Accepted {
        stale_since: Option<OffsetDateTime>,
    },
    Unchanged,
    Excluded,
    /// A newer one of its territory came with it, or it is no pivot that counts.
    Unused,
    Refused(Refusal),
    Unreachable(FetchError),
}

impl Judged {
    pub fn refused(source: &str, refusal: Refusal) -> Self {
        Self { source: source.to_owned(), claims: None, outcome: Outcome::Refused(refusal), vouched: None }
    }

    pub fn unreachable(source: &str, error: FetchError) -> Self {
        Self { source: source.to_owned(), claims: None, outcome: Outcome::Unreachable(error), vouched: None }
    }

    pub const fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(_) | Outcome::Unreachable(_))
    }

    pub fn claiming(mut self, territory: &str, sequence: u64) -> Self {
        self.claims = Some((territory.to_owned(), sequence));
        self
    }
}

impl Desk {
    pub async fn open(
        settings: &Settings,
        db: &Db,
        now: OffsetDateTime,
        accept_smaller: Vec<String>,
        voucher: Voucher,
    ) -> Result<Self, Failure> {
        let lists = settings.trusted_lists.clone();
        let version = db.versions().await?.snapshot;
        let before = db.accepted_snapshot().await?.unwrap_or_default();
        let pointers = stored_pointers(db).await?;
        let refuse_after = Duration::try_from(settings.trust.stale.refuse_after).unwrap_or(Duration::MAX);
        let rules = Rules { refuse_after, most_loss_percent: lists.max_loss_percent, accept_smaller };
        let pinned = pinned(&lists)?;
        Ok(Self { settings: lists, now, before, version, rules, pinned, voucher, pointers, origin: None, warnings: Vec::new() })
    }

    pub fn accepted(&self, territory: &str) -> Option<&AcceptedList> {
        self.before.lists.iter().find(|list| list.territory == territory)
    }

    /// Accepted, and excluded by the configuration since.
    pub fn dropped(&self) -> impl Iterator<Item = &AcceptedList> {
        self.before.lists.iter().filter(|list| self.settings.exclude.contains(&list.territory))
    }

    pub fn pointers(&self) -> &[Pointer] {
        self.pointers.as_ref().map_or(&[], |(_, pointers)| pointers)
    }

    /// The list of lists: when it is good, its pointers count from here on.
    pub fn lotl(&mut self, source: &str, bytes: &[u8], pivots: &[&[u8]]) -> Judged {
        let mut claims = None;
        let judged = self.try_lotl(source, bytes, pivots, &mut claims);
        judged.unwrap_or_else(|refusal| Judged { claims, ..Judged::refused(source, refusal) })
    }

    fn try_lotl(&mut self, source: &str, bytes: &[u8], pivots: &[&[u8]], claims: &mut Option<(String, u64)>) -> Result<Judged, Refusal> {
        let envelope = Envelope::open(bytes, self.settings.max_bytes)?;
        *claims = Some((List::claimed_territory(&envelope)?, List::claimed_sequence(&envelope)?));
        let (lotl, verification) = match &self.voucher {
            Voucher::Operator(by) => (Lotl::read(&envelope)?, Verification::Assumed { by: by.clone() }),
            Voucher::Signatures => {
                let journal = &self.settings.official_journal;
                let followed = follow(&envelope, pivots, &self.pinned, journal, self.settings.max_bytes)?;
                self.origin = Some(origin(&followed, journal));
                self.warnings.extend(followed.other_journal.as_ref().map(|other| {
                    format!(
                        "the list of lists names the publication {}: compare its signers and update the configuration",
                        printable(other)
                    )
                }));
                let named_by = followed.pivots.last().map_or_else(|| journal.clone(), |pivot| format!("pivot {pivot}"));
                let signed = followed.signed;
                (followed.lotl, Verification::Signature { signer: signed.signer, algorithm: signed.algorithm, named_by })
            }
        };
        let Lotl { list, pointers, .. } = lotl;
        let offer = Offer { list, source: source.to_owned(), verification };
        let judged = self.judge(Box::new(Vouched { offer, pointers: Some(pointers.clone()) }));
        if matches!(judged.outcome, Outcome::Accepted { .. }) {
            let sequence = judged.claims.as_ref().map_or(0, |(_, sequence)| *sequence);
            self.pointers = Some((format!("list of lists {sequence}"), pointers));
        }
        Ok(judged)
    }

    /// A national list, as far as that needs no other list: the costly part. `expected`: whose list stands there.
    pub fn read(&self, source: &str, bytes: &[u8], expected: Option<&str>) -> Read {
        let mut claims = None;
        let outcome = match self.try_read(source, bytes, expected, &mut claims) {
            Ok(Some(vouched)) => return Read::Vouched(Box::new(vouched)),
            Ok(None) => Outcome::Excluded,
            Err(refusal) => Outcome::Refused(refusal),
        };
        Read::Ended(Judged { source: source.to_owned(), claims, outcome, vouched: None })
    }

    /// `None`: of a territory that is excluded.
    fn try_read(
        &self,
        source: &str,
        bytes: &[u8],
        expected: Option<&str>,
        claims: &mut Option<(String, u64)>,
    ) -> Result<Option<Vouched>, Refusal> {
        let envelope = Envelope::open(bytes, self.settings.max_bytes)?;
        let (territory, sequence) = (List::claimed_territory(&envelope)?, List::claimed_sequence(&envelope)?);
        *claims = Some((territory.clone(), sequence));
        if let Some(expected) = expected.filter(|expected| *expected != territory) {
            return Err(Refusal::OtherTerritory { expected: expected.to_owned(), found: territory });
        }
        if self.settings.exclude.contains(&territory) {
            return Ok(None);
        }
        let verification = self.vouch(&envelope, &territory)?;
        let list = List::read(&envelope)?;
        if list.kind != ListType::National {
            return Err(Refusal::OtherType);
        }
        Ok(Some(Vouched { offer: Offer { list, source: source.to_owned(), verification }, pointers: None }))
    }

    fn vouch(&self, envelope: &Envelope<'_>, territory: &str) -> Result<Verification, Refusal> {
        if let Voucher::Operator(by) = &self.voucher {
            return Ok(Verification::Assumed { by: by.clone() });
        }
        let unknown = || Refusal::NotPointedTo(territory.to_owned());
        let (named_by, pointers) = self.pointers.as_ref().ok_or_else(unknown)?;
        let pointer = pointers.iter().find(|pointer| pointer.territory == territory).ok_or_else(unknown)?;
        let signed = verify(envelope, &Signer::all(&pointer.signers))?;
        Ok(Verification::Signature { signer: signed.signer, algorithm: signed.algorithm, named_by: named_by.clone() })
    }

    fn judge(&self, vouched: Box<Vouched>) -> Judged {
        let list = &vouched.offer.list;
        let claims = Some((list.territory.clone(), list.sequence));
        let outcome = match accept(list, self.accepted(&list.territory), &self.rules, self.now) {
            Ok(Acceptance::New { stale_since }) => Outcome::Accepted { stale_since },
            Ok(Acceptance::Unchanged) => Outcome::Unchanged,
            Err(refusal) => Outcome::Refused(refusal),
        };
        Judged { source: vouched.offer.source.clone(), claims, outcome, vouched: Some(vouched) }
    }

    /// National lists side by side: of one territory the newest is judged first, and when it is accepted the others are unused.
    pub fn judge_all(&self, read: Vec<Read>) -> Vec<Judged> {
        let (mut good, mut judged) = (Vec::new(), Vec::new());
        for one in read {
            match one {
                Read::Vouched(vouched) => good.push(vouched),
                Read::Ended(ended) => judged.push(ended),
            }
        }
        good.sort_by_key(|vouched| (vouched.offer.list.territory.clone(), std::cmp::Reverse(vouched.offer.list.sequence)));
        let mut taken = String::new();
        for vouched in good {
            let territory = vouched.offer.list.territory.clone();
            let mut one = self.judge(vouched);
            if taken == territory {
                one.outcome = Outcome::Unused;
            } else if !one.is_refused() {
                taken = territory;
            }
            judged.push(one);
        }
        judged.sort_by(|a, b| a.claims.cmp(&b.claims));
        judged
    }
}

fn origin(followed: &Followed, journal: &str) -> String {
    let pivots: String = followed.pivots.iter().map(|pivot| format!(" -> pivot {pivot}")).collect();
    format!("list of lists {}: signers of {journal}{pivots}", followed.lotl.list.sequence)
}

async fn stored_pointers(db: &Db) -> Result<Option<(String, Vec<Pointer>)>, Outage> {
    Ok(db.accepted_pointers().await?.map(|(sequence, pointers)| (format!("list of lists {sequence}"), pointers)))
}

fn pinned(lists: &TrustedLists) -> Result<Vec<Signer>, Failure> {
    let Some(file) = &lists.lotl_signers_file else {
        return Signer::from_pem(OFFICIAL_SIGNERS).ok_or_else(|| Failure::unexpected("the compiled-in signers do not read"));
    };
    let pem = fs::read(file).map_err(|error| Failure(3, format!("{}: {error}", file.display())))?;
    Signer::from_pem(&pem).ok_or_else(|| Failure(3, format!("{}: not a PEM file of certificates", file.display())))
}
