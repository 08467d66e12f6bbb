//! The list of lists (LOTL): which certificates may sign each national list, and how that of the LOTL itself changes by pivots
//! (TS 119 615 s4.1, Commission Implementing Decision (EU) 2015/1505).

use super::{
    Envelope, List, ListType, Refusal, Signed, Signer,
    list::{is_territory, kind, kind_of, scheme, sequence},
    verify,
    xml::{ADDITIONAL, TSL, base64, children, down, text},
};
use crate::pki::trusted_list::Pointer;
use roxmltree::Node;

/// The machine-readable form of a list; others are for people (TS 119 612 s5.3.13).
const XML_LIST: &str = "application/vnd.etsi.tsl+xml";
const MOST_SIGNERS: usize = 16;
const MOST_PIVOTS: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lotl {
    pub list: List,
    /// To the national lists.
    pub pointers: Vec<Pointer>,
    /// Who may sign the next list of lists.
    pub next_signers: Vec<Signer>,
    /// URLs of pivots and of publications in the Official Journal, newest first.
    pub references: Vec<String>,
}

/// A list of lists with the proof that it goes back to the pinned signers.
#[derive(Debug)]
pub struct Followed {
    pub lotl: Lotl,
    pub signed: Signed,
    /// Numbers of the pivots that were gone through, oldest first.
    pub pivots: Vec<u64>,
    /// The publication that it names as the newest, where that is not the one of the pinned signers.
    pub other_journal: Option<String>,
}

impl Lotl {
    pub fn read(envelope: &Envelope<'_>) -> Result<Self, Refusal> {
        let list = List::read(envelope)?;
        if list.kind != ListType::ListOfLists {
            return Err(Refusal::OtherType);
        }
        let scheme = scheme(envelope)?;
        let (mut pointers, mut next_signers) = (Vec::new(), Vec::new());
        let all = down(scheme, &["PointersToOtherTSL"]).into_iter().flat_map(|all| children(all, TSL, "OtherTSLPointer"));
        for (kind, pointer) in all.filter_map(pointer) {
            match kind {
                ListType::National => pointers.push(pointer),
                ListType::ListOfLists => next_signers = Signer::all(&pointer.signers),
            }
        }
        let references = down(scheme, &["SchemeInformationURI"]).into_iter().flat_map(|all| children(all, TSL, "URI")).map(text);
        let references = references.filter(|url| is_pivot(url) || is_journal(url)).take(MOST_PIVOTS).collect();
        Ok(Self { list, pointers, next_signers, references })
    }

    /// Pivots since the publication `journal`, oldest first. They are hints until the list is verified.
    pub fn pivots_since(&self, journal: &str) -> Vec<&str> {
        let since = self.references.iter().take_while(|url| *url != journal);
        let mut pivots: Vec<&str> = since.filter(|url| is_pivot(url)).map(String::as_str).collect();
        pivots.reverse();
        pivots
    }

    fn newest_journal(&self) -> Option<&str> {
        self.references.iter().find(|url| is_journal(url)).map(String::as_str)
    }
}

/// Pivots are called `...-pivot-NUMBER.xml`, by the number of the list.
fn is_pivot(url: &str) -> bool {
    pivot_number(url).is_some()
}

fn pivot_number(url: &str) -> Option<u64> {
    url.rsplit_once("pivot-")?.1.strip_suffix(".xml")?.parse().ok()
}

fn is_journal(url: &str) -> bool {
    ["https://eur-lex.europa.eu/", "http://eur-lex.europa.eu/"].iter().any(|journal| url.starts_with(journal))
}

/// Only what is complete: XML, a territory, a URL, and at least one certificate that reads as base64.
fn pointer(node: Node<'_, '_>) -> Option<(ListType, Pointer)> {
    let information: Vec<Node<'_, '_>> = children(down(node, &["AdditionalInformation"])?, TSL, "OtherInformation").collect();
    let said = |namespace, name| information.iter().flat_map(|one| children(*one, namespace, name)).map(text).next();
    if said(ADDITIONAL, "MimeType")? != XML_LIST {
        return None;
    }
    let kind = kind_of(&said(TSL, "TSLType")?)?;
    let territory = said(TSL, "SchemeTerritory").filter(|territory| is_territory(territory))?;
    let url = down(node, &["TSLLocation"]).map(text).filter(|url| !url.is_empty())?;
    let identities = children(down(node, &["ServiceDigitalIdentities"])?, TSL, "ServiceDigitalIdentity");
    let ids = identities.flat_map(|identity| children(identity, TSL, "DigitalId"));
    let mut signers: Vec<Vec<u8>> = ids.flat_map(|id| children(id, TSL, "X509Certificate")).filter_map(base64).take(MOST_SIGNERS).collect();
    signers.dedup();
    (!signers.is_empty()).then_some((kind, Pointer { territory, url, signers }))
}

/// From the pinned signers over the pivots to the list of lists: each is signed by a certificate that its predecessor
/// allows, and says who may sign the next. `journal`: the publication that the pinned signers are from.
pub fn follow(lotl: &Envelope<'_>, pivots: &[&[u8]], pinned: &[Signer], journal: &str, most_bytes: usize) -> Result<Followed, Refusal> {
    let read = Lotl::read(lotl)?;
    let (mut allowed, mut steps) = (pinned.to_vec(), Vec::new());
    for url in read.pivots_since(journal) {
        let number = pivot_number(url).ok_or(Refusal::Malformed("the pivot's number"))?;
        // the newest pivot may be this list itself
        if number < read.list.sequence {
            allowed = step(pivots, url, number, &allowed, most_bytes)?;
            steps.push(number);
        }
    }
    let signed = verify(lotl, &allowed)?;
    let other_journal = read.newest_journal().filter(|newest| *newest != journal).map(str::to_owned);
    Ok(Followed { lotl: read, signed, pivots: steps, other_journal })
}

/// The signers that the pivot with this number allows next. `pivots`: files, of which any may be it.
fn step(pivots: &[&[u8]], url: &str, number: u64, allowed: &[Signer], most_bytes: usize) -> Result<Vec<Signer>, Refusal> {
    let mut failed = Refusal::PivotMissing(url.to_owned());
    for pivot in pivots {
        let Ok(envelope) = Envelope::open(pivot, most_bytes) else { continue };
        if !is_number(&envelope, number) {
            continue;
        }
        match allowed_by(&envelope, allowed) {
            Ok(next) => return Ok(next),
            Err(refusal) => failed = refusal,
        }
    }
    Err(failed)
}

fn is_number(envelope: &Envelope<'_>, number: u64) -> bool {
    let is_it = |scheme| Ok::<_, Refusal>(kind(scheme)? == ListType::ListOfLists && sequence(scheme)? == number);
    scheme(envelope).and_then(is_it).unwrap_or(false)
}

fn allowed_by(envelope: &Envelope<'_>, allowed: &[Signer]) -> Result<Vec<Signer>, Refusal> {
    verify(envelope, allowed)?;
    let next = Lotl::read(envelope)?.next_signers;
    if next.is_empty() { Err(Refusal::Malformed("the pivot's pointer to the list of lists")) } else { Ok(next) }
}
