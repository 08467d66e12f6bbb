//! Services of type CA/QC, with all that they were (TS 119 612 s5.4 to s5.6).

use super::{
    Refusal,
    criteria::qualifications,
    list::time,
    xml::{ADDITIONAL, QUALIFICATIONS, TSL, base64, child, child_text, children, down, english, is_true},
};
use crate::pki::trusted_list::{Period, Service, ServiceStatus, Use};
use roxmltree::Node;

const CA_QC: &str = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC";
const STATUS: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/";
pub(super) const INFORMATION: &str = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/";
/// Names go to terminals and logs.
const LONGEST_NAME: usize = 200;

pub(super) fn services(root: Node<'_, '_>) -> Result<Vec<Service>, Refusal> {
    let mut found = Vec::new();
    let providers = down(root, &["TrustServiceProviderList"]).into_iter().flat_map(|list| children(list, TSL, "TrustServiceProvider"));
    for provider in providers {
        let name = down(provider, &["TSPInformation", "TSPName"]).and_then(english).ok_or(Refusal::Malformed("TSPName"))?;
        let services = down(provider, &["TSPServices"]).ok_or(Refusal::Malformed("TSPServices"))?;
        for service in children(services, TSL, "TSPService") {
            found.extend(self::service(service, &name)?);
        }
    }
    Ok(found)
}

/// `None`: of another type now.
fn service(service: Node<'_, '_>, provider: &str) -> Result<Option<Service>, Refusal> {
    let now = down(service, &["ServiceInformation"]).ok_or(Refusal::Malformed("ServiceInformation"))?;
    if !is_ca_qc(now) {
        return Ok(None);
    }
    let name = down(now, &["ServiceName"]).and_then(english).ok_or(Refusal::Malformed("ServiceName"))?;
    let history = down(service, &["ServiceHistory"]).into_iter().flat_map(|history| children(history, TSL, "ServiceHistoryInstance"));
    let mut past = history.map(period).collect::<Result<Vec<_>, _>>()?;
    past.sort_by_key(|period| std::cmp::Reverse(period.from));
    let mut periods = vec![period(now)?];
    periods.append(&mut past);
    Ok(Some(Service { provider: short(provider), name: short(&name), certificates: certificates(now), periods }))
}

fn is_ca_qc(information: Node<'_, '_>) -> bool {
    child_text(information, TSL, "ServiceTypeIdentifier").is_some_and(|uri| uri == CA_QC)
}

fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// What does not read is left out: a certificate that is not there makes nobody an issuer.
fn certificates(information: Node<'_, '_>) -> Vec<Vec<u8>> {
    let identity = down(information, &["ServiceDigitalIdentity"]);
    let ids = identity.into_iter().flat_map(|identity| children(identity, TSL, "DigitalId"));
    ids.flat_map(|id| children(id, TSL, "X509Certificate")).filter_map(base64).collect()
}

fn period(information: Node<'_, '_>) -> Result<Period, Refusal> {
    let from = time(child_text(information, TSL, "StatusStartingTime")).ok_or(Refusal::Malformed("StatusStartingTime"))?;
    let status = child_text(information, TSL, "ServiceStatus").ok_or(Refusal::Malformed("ServiceStatus"))?;
    // while it was of another type, it was no CA/QC that could be relied on
    let status = if is_ca_qc(information) { status_of(&status) } else { ServiceStatus::Other };
    let mut period = Period { from, status, uses: Vec::new(), qualifications: Vec::new(), unknown_critical: None };
    let extensions = down(information, &["ServiceInformationExtensions"]);
    for extension in extensions.into_iter().flat_map(|all| children(all, TSL, "Extension")) {
        read_extension(extension, &mut period);
    }
    period.uses.sort();
    period.uses.dedup();
    Ok(period)
}

fn status_of(uri: &str) -> ServiceStatus {
    match uri.strip_prefix(STATUS) {
        Some("granted") => ServiceStatus::Granted,
        Some("withdrawn") => ServiceStatus::Withdrawn,
        Some(_) | None => ServiceStatus::Other,
    }
}

/// s5.5.9: four extensions are defined. Any other is passed over, unless it is critical.
fn read_extension(extension: Node<'_, '_>, period: &mut Period) {
    let critical = extension.attribute("Critical").is_some_and(is_true);
    let mut known = false;
    if let Some(information) = child(extension, TSL, "AdditionalServiceInformation") {
        known = true;
        period.uses.extend(child_text(information, TSL, "URI").and_then(|uri| use_of(&uri)));
    }
    if let Some(list) = child(extension, QUALIFICATIONS, "Qualifications") {
        known = true;
        period.qualifications.extend(qualifications(list));
    }
    let harmless = child(extension, TSL, "ExpiredCertsRevocationInfo").or_else(|| child(extension, ADDITIONAL, "TakenOverBy"));
    if critical && !known && harmless.is_none() {
        let name = extension.children().find(Node::is_element).map_or("empty", |node| node.tag_name().name());
        period.unknown_critical = Some(short(name));
    }
}

fn use_of(uri: &str) -> Option<Use> {
    match uri.strip_prefix(INFORMATION)? {
        "ForWebSiteAuthentication" => Some(Use::WebSiteAuthentication),
        "ForeSeals" => Some(Use::Seals),
        "ForeSignatures" => Some(Use::Signatures),
        _ => None,
    }
}
