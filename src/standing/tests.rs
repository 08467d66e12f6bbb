#![allow(clippy::unwrap_used)]
use super::*;
use PspRole::{AccountInformation as Ai, CardIssuing as Ic, PaymentInitiation as Pi};
use time::{
    Duration,
    macros::{date, datetime},
};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);
const TPP: &str = "PSDFR-ACPR-12345";
const OTHER: &str = "PSDFR-ACPR-54321";
const ISSUER: &str = "CN=QTSP, O=Trust, C=FR";

fn id(text: &str) -> OrganisationId {
    OrganisationId::new(text)
}

fn roles<const N: usize>(roles: [PspRole; N]) -> Roles {
    roles.into_iter().collect()
}

fn block(target: Target, brand: Option<&str>) -> Block {
    Block {
        id: BlockId(Uuid::nil()),
        target,
        brand: brand.map(BrandId::new),
        reason: "test".into(),
        psu_notice: None,
        authority: None,
        since: NOW,
        by: "me".into(),
        lifted: None,
    }
}

fn standing(blocks: Vec<Block>, register: Option<Register>) -> Standing {
    Standing { blocks: blocks.into_iter().collect(), register: register.map(Arc::new), ..Standing::default() }
}

fn register(entries: Vec<(&str, Entry)>) -> Register {
    let head = RegisterHead {
        id: Uuid::nil(),
        as_of: date!(2026 - 11 - 27),
        source: "test".into(),
        sha256: [0; 32],
        entries: entries.len(),
        imported_at: NOW,
        imported_by: "me".into(),
    };
    Register::new(head, entries.into_iter().map(|(organisation, entry)| (id(organisation), entry)))
}

fn entry<const N: usize>(listed: [PspRole; N], status: Status, hosts: Option<&[&str]>) -> Entry {
    Entry { roles: roles(listed), status, hosts: hosts.map(|codes| codes.iter().map(|code| Country::parse(code).unwrap()).collect()) }
}

fn refuse() -> RegisterPolicy {
    RegisterPolicy { register: RegisterUse::Refuse, ..RegisterPolicy::default() }
}

/// What a QWAC with AI and PI meets at brand `cic`.
fn meets(
    standing: &Standing,
    organisation: &str,
    policy: &RegisterPolicy,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Admitted, StandingRefusal> {
    let (organisation, key) = (id(organisation), [2; 32]);
    let certificate = CertificateRef { sha256: &[1; 32], issuer_name: Some(ISSUER), issuer_key: Some(&key) };
    let who = Subject { organisation: &organisation, client: None, certificate: Some(certificate), roles: roles([Ai, Pi]) };
    standing.judge(&who, &BrandId::new("cic"), policy, purpose, now)
}

#[test]
fn a_block_hits_what_it_names_and_nothing_else() {
    let off = RegisterPolicy::default();
    let lifted =
        Block { lifted: Some(Lifted { at: NOW, by: "me".into(), why: "over".into() }), ..block(Target::Organisation(id(TPP)), None) };
    let cases = [
        ("nothing", vec![], Some(roles([Ai, Pi]))),
        ("organisation", vec![block(Target::Organisation(id(TPP)), None)], None),
        ("organisation at this brand", vec![block(Target::Organisation(id(TPP)), Some("cic"))], None),
        ("organisation at another brand", vec![block(Target::Organisation(id(TPP)), Some("lbp"))], Some(roles([Ai, Pi]))),
        ("another organisation", vec![block(Target::Organisation(id(OTHER)), None)], Some(roles([Ai, Pi]))),
        ("certificate", vec![block(Target::Certificate([1; 32]), None)], None),
        ("another certificate", vec![block(Target::Certificate([2; 32]), None)], Some(roles([Ai, Pi]))),
        ("issuer's name", vec![block(Target::IssuerName(ISSUER.into()), None)], None),
        ("another issuer's name", vec![block(Target::IssuerName("CN=QTSP".into()), None)], Some(roles([Ai, Pi]))),
        ("issuer's key", vec![block(Target::IssuerKey([2; 32]), None)], None),
        ("another issuer's key", vec![block(Target::IssuerKey([1; 32]), None)], Some(roles([Ai, Pi]))),
        ("a role", vec![block(Target::Role(Ai, None), None)], Some(roles([Pi]))),
        ("a role at another brand", vec![block(Target::Role(Ai, None), Some("lbp"))], Some(roles([Ai, Pi]))),
        ("a role of it", vec![block(Target::Role(Pi, Some(id(TPP))), None)], Some(roles([Ai]))),
        ("a role of another", vec![block(Target::Role(Pi, Some(id(OTHER))), None)], Some(roles([Ai, Pi]))),
        ("a role that it has not", vec![block(Target::Role(Ic, None), None)], Some(roles([Ai, Pi]))),
        ("both roles", vec![block(Target::Role(Ai, None), None), block(Target::Role(Pi, Some(id(TPP))), None)], Some(Roles::NONE)),
        ("elsewhere and here", vec![block(Target::Organisation(id(TPP)), Some("lbp")), block(Target::Organisation(id(TPP)), None)], None),
        ("lifted", vec![lifted], Some(roles([Ai, Pi]))),
    ];
    for (case, blocks, left) in cases {
        let met = meets(&standing(blocks, None), TPP, &off, Purpose::Use, NOW);
        assert_eq!(met.clone().ok().map(|admitted| admitted.roles), left, "{case}: {met:?}");
        assert!(left.is_some() || met.is_err_and(|refusal| refusal.block().is_some()), "{case}");
    }
}

#[test]
fn the_register_says_who_is_authorised_for_what_and_where() {
    let french = RegisterPolicy { country: Country::parse("FR"), ..refuse() };
    let german = "PSDDE-BAFIN-1";
    let all = || roles([Ai, Pi]);
    let cases = [
        ("listed", TPP, entry([Ai, Pi], Status::Authorised, None), &french, Ok(all())),
        ("with less", TPP, entry([Pi], Status::Authorised, None), &french, Ok(roles([Pi]))),
        ("with more", TPP, entry([Ai, Pi, Ic], Status::Authorised, None), &french, Ok(all())),
        ("withdrawn", TPP, entry([Ai], Status::Withdrawn, None), &french, Err(RegisterFault::Withdrawn)),
        ("suspended", TPP, entry([Ai], Status::Suspended, None), &french, Err(RegisterFault::Suspended)),
        ("at home without passport", TPP, entry([Ai, Pi], Status::Authorised, Some(&[])), &french, Ok(all())),
        ("abroad, passported", german, entry([Ai, Pi], Status::Authorised, Some(&["ES", "FR"])), &french, Ok(all())),
        ("abroad, elsewhere", german, entry([Ai], Status::Authorised, Some(&["ES"])), &french, Err(RegisterFault::NotPassported)),
        ("abroad, not said", german, entry([Ai, Pi], Status::Authorised, None), &french, Ok(all())),
        ("abroad, no country asked", german, entry([Ai, Pi], Status::Authorised, Some(&[])), &refuse(), Ok(all())),
    ];
    for (case, organisation, entry, policy, expected) in cases {
        let standing = standing(vec![], Some(register(vec![(organisation, entry)])));
        let met = meets(&standing, organisation, policy, Purpose::Use, NOW).map(|admitted| admitted.roles);
        assert_eq!(met, expected.map_err(StandingRefusal::Register), "{case}");
        // under "warn" nobody is refused, and it is said what would be
        let warned =
            meets(&standing, organisation, &RegisterPolicy { register: RegisterUse::Warn, ..policy.clone() }, Purpose::Use, NOW).unwrap();
        let lost = expected.ok().filter(|left| *left != all()).map(|_| RegisterFault::RoleNotListed);
        assert_eq!((warned.roles, warned.warning), (all(), expected.err().or(lost)), "{case}");
        let off = meets(&standing, organisation, &RegisterPolicy::default(), Purpose::Use, NOW).unwrap();
        assert_eq!((off.roles, off.warning), (all(), None), "{case}");
    }
    let nobody = standing(vec![], Some(register(vec![])));
    assert_eq!(meets(&nobody, TPP, &refuse(), Purpose::Use, NOW), Err(StandingRefusal::Register(RegisterFault::NotListed)));
    let none = standing(vec![], None);
    assert_eq!(meets(&none, TPP, &refuse(), Purpose::Use, NOW), Err(StandingRefusal::Register(RegisterFault::Missing)));
}

#[test]
fn an_old_register_warns_then_stops_registrations_then_everything() {
    let standing = standing(vec![], Some(register(vec![(TPP, entry([Ai, Pi], Status::Authorised, None))])));
    let too_old = Err(StandingRefusal::Register(RegisterFault::TooOld));
    let fine = Ok(Admitted { roles: roles([Ai, Pi]), warning: None });
    let cases = [
        (0, Age::Fresh, &fine, &fine),
        (6, Age::Fresh, &fine, &fine),
        (7, Age::Old, &fine, &fine),
        (29, Age::Old, &fine, &fine),
        (30, Age::TooOldForRegistrations, &too_old, &fine),
        (89, Age::TooOldForRegistrations, &too_old, &fine),
        (90, Age::TooOld, &too_old, &too_old),
        (4_000, Age::TooOld, &too_old, &too_old),
    ];
    for (days, age, registration, other) in cases {
        let now = NOW + Duration::days(days);
        assert_eq!(refuse().age(days), age, "{days}");
        assert_eq!(&meets(&standing, TPP, &refuse(), Purpose::Registration, now), registration, "{days}");
        assert_eq!(&meets(&standing, TPP, &refuse(), Purpose::Use, now), other, "{days}");
    }
}

#[test]
fn a_role_that_is_needed_and_gone_names_what_took_it() {
    let off = RegisterPolicy::default();
    let (organisation, brand) = (id(TPP), BrandId::new("cic"));
    let who = |needed| Subject { organisation: &organisation, client: None, certificate: None, roles: roles([needed]) };
    let blocked = standing(vec![Block { psu_notice: Some("said".into()), ..block(Target::Role(Ai, None), None) }], None);
    assert!(blocked.judge_all(&who(Pi), &brand, &off, NOW).is_ok());
    assert_eq!(blocked.judge_all(&who(Ai), &brand, &off, NOW).unwrap_err().notice().as_deref(), Some("said"));
    let listed = standing(vec![], Some(register(vec![(TPP, entry([Pi], Status::Authorised, None))])));
    assert!(listed.judge_all(&who(Pi), &brand, &refuse(), NOW).is_ok());
    assert_eq!(listed.judge_all(&who(Ai), &brand, &refuse(), NOW), Err(StandingRefusal::Register(RegisterFault::RoleNotListed)));
}

#[test]
fn an_export_that_is_older_or_half_as_long_does_not_follow() {
    let head = |as_of, entries| RegisterHead { as_of, entries, ..register(vec![]).head };
    let in_force = head(date!(2026 - 11 - 20), 101);
    for (as_of, entries, expected) in [
        (date!(2026 - 11 - 27), 101, Ok(())),
        (date!(2026 - 11 - 20), 51, Ok(())),
        (date!(2026 - 11 - 27), 50, Err(StepBack::MuchSmaller { had: 101 })),
        (date!(2026 - 11 - 19), 101, Err(StepBack::Older { in_force: date!(2026 - 11 - 20) })),
    ] {
        assert_eq!(head(as_of, entries).may_follow(&in_force), expected, "{as_of} {entries}");
    }
}

#[test]
fn what_is_written_of_a_target_reads_as_it_was() {
    let targets = [
        Target::Organisation(id("PSDMT-MFSA-A 12345")),
        Target::Certificate([0xab; 32]),
        Target::IssuerName(ISSUER.into()),
        Target::IssuerKey([7; 32]),
        Target::Role(Ai, None),
        Target::Role(Ic, Some(id(TPP))),
    ];
    for target in targets {
        let row = target.row();
        assert_eq!(Target::read(row.kind, &row.value, &row.organisation), Some(target));
    }
    let spelled = (0..32).map(|octet| format!("{octet:02X}")).collect::<Vec<_>>();
    let expected: Option<[u8; 32]> = (0..32).collect::<Vec<_>>().try_into().ok();
    assert_eq!(fingerprint::read(&spelled.join(":")), expected);
    assert_eq!(fingerprint::read(&spelled.join("")), expected);
    for wrong in ["", "ab", &"z".repeat(64), &spelled.join("-"), &"é".repeat(32), &"ab:".repeat(32)[..94]] {
        assert_eq!(fingerprint::read(wrong), None, "{wrong}");
    }
}
