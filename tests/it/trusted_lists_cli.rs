//! `guichet trust` as operators run it: against a real database, from files and from servers.

use crate::harness::{
    Bank, BankOptions,
    command::run,
    lists::{Collection, JOURNAL, JOURNAL_2019},
};
use guichet::{
    clock::{Clock, System},
    dev::trusted_lists::{ListSigner, ListSpec, SignerKind, service},
    pki::trusted_list::{Pointer, Service, ServiceStatus, Snapshot, Use, Verification},
    storage::Db,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{Arc, Mutex},
};
use time::{Duration, OffsetDateTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// An operator's machine: a database, a configuration, and the signers of a small union.
struct Office {
    bank: Bank,
    lotl: ListSigner,
    national: ListSigner,
    now: OffsetDateTime,
}

/// What a run said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    #[track_caller]
    fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn out(self, part: &str) -> Self {
        assert!(self.out.contains(part), "{part:?} is not in\n{}", self.out);
        self
    }

    #[track_caller]
    fn err(self, part: &str) -> Self {
        assert!(self.err.contains(part), "{part:?} is not in\n{}", self.err);
        self
    }
}

impl Office {
    async fn open(extra: &str) -> Self {
        let [lotl, national] = [SignerKind::EcdsaP256, SignerKind::Rsa].map(|kind| ListSigner::new(kind).unwrap());
        let extra = format!("[trust.lists]\nlotl_signers_file = \"lotl.pem\"\n{extra}");
        let bank = Bank::unserved(BankOptions { extra, ..BankOptions::default() }).await;
        let office = Self { bank, lotl, national, now: System::new().now() };
        fs::write(office.path("lotl.pem"), pem(&office.lotl.certificate)).unwrap();
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bank.folder().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Points to `territories` below a URL.
    fn lotl(&self, sequence: u64, base: &str, territories: &[&str]) -> String {
        let pointer = |territory: &&str| Pointer {
            territory: (*territory).to_owned(),
            url: format!("{base}/{territory}.xml"),
            signers: vec![self.national.certificate.clone()],
        };
        let pointers = territories.iter().map(pointer).collect();
        ListSpec::list_of_lists(sequence, pointers, &[&self.lotl], &[JOURNAL], self.now).sign(&self.lotl).unwrap()
    }

    fn spec(&self, territory: &str, sequence: u64, services: &[&str]) -> ListSpec {
        let services =
            services.iter().map(|name| service(name, name.as_bytes().to_vec(), &[Use::WebSiteAuthentication], self.now)).collect();
        ListSpec::national(territory, sequence, services, self.now)
    }

    fn list(&self, territory: &str, sequence: u64, services: &[&str]) -> String {
        self.spec(territory, sequence, services).sign(&self.national).unwrap()
    }

    async fn trust(&self, arguments: &[&str]) -> Said {
        run(self.bank.command(&[&["trust"], arguments].concat()), "").await.into()
    }

    async fn import(&self, path: &Path, more: &[&str]) -> Said {
        self.trust(&[&["import", path.to_str().unwrap()], more].concat()).await
    }

    async fn snapshot(&self) -> Snapshot {
        Db::new(self.bank.pool().await).accepted_snapshot().await.unwrap().unwrap_or_default()
    }

    /// Territory and number of what counts.
    async fn counts(&self) -> Vec<(String, u64)> {
        self.snapshot().await.lists.into_iter().map(|list| (list.territory, list.sequence)).collect()
    }

    async fn version(&self) -> i64 {
        sqlx::query_scalar("select version from versions where subject = 'snapshot'").fetch_one(&self.bank.pool().await).await.unwrap()
    }

    async fn logged(&self, outcome: &str) -> i64 {
        let count = "select count(*) from trusted_list_imports where outcome = $1";
        sqlx::query_scalar(count).bind(outcome).fetch_one(&self.bank.pool().await).await.unwrap()
    }
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

fn gzip(content: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, content.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn numbers(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(territory, sequence)| ((*territory).to_owned(), *sequence)).collect()
}

#[tokio::test]
async fn lists_are_imported_shown_compared_and_kept() {
    let office = Office::open("").await;
    office.trust(&["show"]).await.ended(0).out("no trusted list was accepted yet");
    let national = office.write("alone/FR.xml", office.list("FR", 1, &["Un"]));
    office.import(&national, &[]).await.ended(7).err("LIST_NOT_POINTED_TO").err("nothing is accepted in its place");

    office.write("in/x.xml", office.lotl(10, "https://lists.example", &["DE", "FR", "UK"]));
    office.write("in/FR.xml", office.list("FR", 1, &["Un", "Deux", "Trois"]));
    office.write("in/DE.xml.gz", gzip(&office.list("DE", 5, &["Eins"])));
    office.write("in/UK.xml", office.list("UK", 25, &["One"]));
    office.write("in/README.txt", "not a list");
    let said = office.import(&office.path("in"), &[]).await.ended(0);
    let said = said.out(&format!("list of lists 10: signers of {JOURNAL}")).out("EU 10   accepted: points to 3 lists, signed by ");
    said.out("FR 1    accepted: 3 services, 3 granted for websites, signed by ").out("named by list of lists 10").out("UK 25   excluded");
    assert_eq!(office.counts().await, numbers(&[("DE", 5), ("EU", 10), ("FR", 1)]));
    assert_eq!((office.version().await, office.logged("accepted").await), (1, 3));
    assert_eq!(office.bank.audited("trusted_list_accepted", "FR 1").await, 1);
    assert_eq!(office.bank.audited("trusted_list_refused", "FR 1 LIST_NOT_POINTED_TO").await, 1);

    let said = office.trust(&["show"]).await.ended(0).out("FR 1 (version 6) issued ").out(": fresh; accepted ");
    said.out("3 lists, 4 services of type CA/QC, 4 granted for websites");
    office.trust(&["show", "--services"]).await.ended(0).out("Provider of Deux | Deux | granted for websites | ");
    let again = office.import(&office.path("in"), &[]).await.ended(0);
    again.out("FR 1    unchanged").out("EU 10   unchanged");
    assert_eq!((office.version().await, office.logged("accepted").await), (1, 3), "nothing changed, nobody is told");

    // one service withdrawn, one gone, one new: compared first, then imported alone, by the pointers that are stored
    let mut spec = office.spec("FR", 2, &["Un", "Deux", "Quatre"]);
    spec.services[0].periods[0].status = ServiceStatus::Withdrawn;
    let next = office.write("next/FR.xml", spec.sign(&office.national).unwrap());
    let said = office.trust(&["diff", next.to_str().unwrap()]).await.ended(0).out("~ Provider of Un | Un | ");
    said.out("granted for websites -> withdrawn for websites").out("- Provider of Trois").out("+ Provider of Quatre");
    assert_eq!(office.counts().await[2].1, 1, "comparing changes nothing");
    office.import(&next, &[]).await.ended(0).out("FR 2    accepted: 3 services, 2 granted");
    assert_eq!((office.counts().await, office.version().await), (numbers(&[("DE", 5), ("EU", 10), ("FR", 2)]), 2));
    let france = office.snapshot().await.lists.pop().unwrap();
    assert_eq!(france.services, spec.services);
    assert!(matches!(france.verification, Verification::Signature { named_by, .. } if named_by == "list of lists 10"));

    // a territory that is excluded later leaves with the next run
    let config = fs::read_to_string(office.bank.config_file()).unwrap();
    fs::write(office.bank.config_file(), config.replace("lotl_signers_file", "exclude = [\"DE\", \"UK\"]\nlotl_signers_file")).unwrap();
    office.import(&next, &[]).await.ended(0).out("FR 2    unchanged").out("DE 5 dropped: ");
    assert_eq!((office.counts().await, office.version().await), (numbers(&[("EU", 10), ("FR", 2)]), 3));
    assert_eq!(office.bank.audited("trusted_list_dropped", "DE 5").await, 1);

    // what was before stays to look back at, but not for ever
    for sequence in 3..=9 {
        office.import(&office.write("next/FR.xml", office.list("FR", sequence, &["Un", "Deux", "Quatre"])), &[]).await.ended(0);
    }
    let kept: Vec<i64> = sqlx::query_scalar("select sequence from trusted_lists where territory = 'FR' order by sequence")
        .fetch_all(&office.bank.pool().await)
        .await
        .unwrap();
    assert_eq!(kept, [5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_bad_list_keeps_the_old_one_loudly() {
    let office = Office::open("").await;
    office.write("in/lotl.xml", office.lotl(10, "https://lists.example", &["FR"]));
    let good = office.list("FR", 5, &["1", "2", "3", "4", "5"]);
    office.write("in/FR.xml", &good);
    office.import(&office.path("in"), &[]).await.ended(0);
    let (before, version) = (office.snapshot().await, office.version().await);

    let stranger = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let newer = || office.spec("FR", 6, &["1", "2", "3", "4", "5"]);
    let signed = |spec: ListSpec| spec.sign(&office.national).unwrap();
    let text = signed(newer());
    let from = text.find("<ds:Signature ").unwrap();
    let stripped = format!("{}</TrustServiceStatusList>", &text[..from]);
    let by_id = signed(ListSpec { by_id: true, ..newer() });
    let wrapped = {
        let from = by_id.find("<ds:Signature ").unwrap();
        let (signature, inner) = (&by_id[from..by_id.len() - 25], format!("{}</TrustServiceStatusList>", &by_id[..from]));
        inner
            .replacen("Id=\"list\"", "Id=\"evil\"", 1)
            .replace("</SchemeInformation>", &format!("</SchemeInformation><Old>{inner}</Old>"))
            .replacen("</TrustServiceStatusList>", "", 0)
            .strip_suffix("</TrustServiceStatusList>")
            .map(|head| format!("{head}{signature}</TrustServiceStatusList>"))
            .unwrap()
    };
    let bomb = format!("<!DOCTYPE r [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;\">]>{text}");
    let old = office.now - Duration::days(31);
    let bad: Vec<(&str, Vec<u8>, &str)> = vec![
        ("stripped", stripped.into(), "LIST_SIGNATURE_MISSING"),
        ("wrapped", wrapped.into(), "LIST_SIGNATURE_REFERENCES"),
        ("stranger", newer().sign(&stranger).unwrap().into(), "LIST_SIGNER_UNKNOWN"),
        ("older", office.list("FR", 4, &["1", "2", "3", "4", "5"]).into(), "LIST_OLDER"),
        ("same-number", office.list("FR", 5, &["1", "2", "3", "4", "6"]).into(), "LIST_SAME_NUMBER_OTHER_BYTES"),
        ("expired", signed(ListSpec { next_update: Some(old), ..newer() }).into(), "LIST_EXPIRED"),
        ("closed", signed(ListSpec { next_update: None, ..newer() }).into(), "LIST_CLOSED"),
        ("truncated", text[..text.len() / 2].into(), "LIST_NOT_WELL_FORMED"),
        ("bomb", bomb.into(), "LIST_DOCTYPE"),
        ("deep", "<a>".repeat(1_000_000).into(), "LIST_TOO_DEEP"),
        ("smaller", office.list("FR", 6, &["1", "2"]).into(), "LIST_SMALLER"),
        ("emptied", office.list("FR", 6, &[]).into(), "LIST_SMALLER"),
        ("huge", vec![b'<'; 100 << 20], "LIST_TOO_LARGE"),
        ("packed-huge", vec![], "LIST_TOO_LARGE"),
        ("other-list-of-lists", office.lotl(9, "https://lists.example", &["FR"]).into(), "LIST_OLDER"),
        (
            "broken-list-of-lists",
            office.lotl(11, "https://lists.example", &["FR"]).replace("points", "").replacen("FR", "DE", 1).into(),
            "LIST_SIGNATURE_INVALID",
        ),
    ];
    let mut seen = BTreeMap::new();
    for (name, content, code) in &bad {
        let path = match *name {
            "packed-huge" => office.write("bad/packed-huge.xml.gz", gzip(&" ".repeat(100 << 20))),
            _ => office.write(&format!("bad/{name}.xml"), content),
        };
        let (said, peak_kib) = measured(&office, &path).await;
        let said = said.ended(7).err(&format!("REFUSED {code}: "));
        println!("{name:22} {code:30} {peak_kib:6} KiB at most");
        assert!(peak_kib < 150 * 1024, "{name}: {peak_kib} KiB");
        if said.err.contains("FR ") {
            said.err("the accepted FR 5 stays");
        }
        assert!(office.snapshot().await == before && office.version().await == version, "{name} changed what counts");
        *seen.entry(*code).or_insert(0) += 1;
        assert_eq!(office.logged(code).await, seen[code], "{name}");
    }
    office.trust(&["show"]).await.ended(0).out("FR 5 ").out("5 granted for websites");
    // a good one among bad ones is accepted, and the run still ends badly
    fs::remove_file(office.path("bad/huge.xml")).unwrap();
    office.write("bad/good.xml", signed(newer()));
    office.import(&office.path("bad"), &[]).await.ended(7).out("FR 6    accepted").err("REFUSED LIST_DOCTYPE");
    assert_eq!(office.counts().await, numbers(&[("EU", 10), ("FR", 6)]));
    // an operator's word for a list that lost most of its services
    let smaller = office.write("smaller.xml", office.list("FR", 7, &["1"]));
    office.import(&smaller, &["--accept-smaller", "DE"]).await.ended(7).err("LIST_SMALLER");
    office.import(&smaller, &["--accept-smaller", "FR"]).await.ended(0).out("FR 7    accepted");
}

/// The run, and the most memory that it was seen to hold.
async fn measured(office: &Office, path: &Path) -> (Said, u64) {
    let mut command = office.bank.command(&["trust", "import", path.to_str().unwrap()]);
    let log = office.path("output");
    command.stdout(fs::File::create(&log).unwrap()).stderr(fs::File::create(office.path("errors")).unwrap());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = tokio::task::spawn_blocking(move || {
        let mut peak = 0;
        loop {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line =
                text.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|line| line.trim().trim_end_matches(" kB").parse().unwrap());
            peak = line.map_or(peak, |kib: u64| peak.max(kib));
            if let Some(status) = child.try_wait().unwrap() {
                return (status.code().unwrap(), peak);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let (code, peak) = watch.await.unwrap();
    let read = |file: PathBuf| fs::read_to_string(file).unwrap();
    (Said { code, out: read(log), err: read(office.path("errors")) }, peak)
}

#[tokio::test]
async fn an_operator_may_vouch_for_files_that_were_verified_elsewhere() {
    let office = Office::open("refuse_after_days = 40\n").await;
    let stranger = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let spec = ListSpec { next_update: Some(office.now - Duration::days(35)), ..office.spec("FR", 3, &["Un"]) };
    let path = office.write("FR.xml", spec.sign(&stranger).unwrap());
    office.import(&path, &[]).await.ended(7);
    office.import(&path, &["--assume-verified"]).await.ended(2);
    let said = office.import(&path, &["--assume-verified", "--by", "A. Durand, CISO"]).await.ended(0);
    said.out("ASSUMED, A. Durand, CISO vouches").out("WARNING: its NextUpdate was ");
    assert_eq!(office.snapshot().await.lists[0].verification, Verification::Assumed { by: "A. Durand, CISO".into() });
    office.trust(&["show"]).await.ended(0).out("STALE for 35 days, no registrations").out("ASSUMED, A. Durand, CISO vouches");
    // everything but the signature is still looked at
    let bomb = office.write("bomb.xml", format!("<!DOCTYPE r []>{}", spec.sign(&stranger).unwrap()));
    office.import(&bomb, &["--assume-verified", "--by", "A. Durand"]).await.ended(7).err("LIST_DOCTYPE");
}

/// Serves what the map holds, 404 for the rest.
async fn server(files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let files = files.clone();
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                let read = socket.read(&mut asked).await.unwrap_or(0);
                let line = String::from_utf8_lossy(&asked[..read]).into_owned();
                let path = line.split(' ').nth(1).unwrap_or_default();
                let found = files.lock().unwrap().get(path).cloned();
                let (status, body) = found.map_or(("404 Not Found", vec![]), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = socket.write_all(&[head.as_bytes(), &body].concat()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_refresh_fetches_everything_from_the_list_of_lists_on() {
    let files = Arc::new(Mutex::new(BTreeMap::new()));
    let address = server(files.clone()).await;
    let base = format!("http://{address}");
    let office =
        Office::open(&format!("lotl_url = \"{base}/lotl.xml\"\nfetch_seconds = 5\n[outbound]\nprivate_hosts = [\"{address}\"]\n")).await;
    let serve = |name: &str, content: Vec<u8>| drop(files.lock().unwrap().insert(format!("/{name}"), content));

    office.trust(&["refresh"]).await.ended(7).err("NOT REACHED: the answer has status 404");
    // a pivot gives another signer of the list of lists
    let second = ListSigner::new(SignerKind::RsaPss).unwrap();
    let pivot = format!("{base}/lotl-pivot-20.xml");
    let lists = |sequence, references: &[&str], by: &ListSigner| {
        let pointer = |territory: &str| Pointer {
            territory: territory.into(),
            url: format!("{base}/{territory}.xml"),
            signers: vec![office.national.certificate.clone()],
        };
        ListSpec::list_of_lists(sequence, vec![pointer("DE"), pointer("FR"), pointer("UK")], &[&second], references, office.now)
            .sign(by)
            .unwrap()
    };
    serve("lotl.xml", lists(21, &[&pivot, JOURNAL], &second).into());
    serve("FR.xml", office.list("FR", 1, &["Un"]).into());
    office.trust(&["refresh"]).await.ended(7).err("LIST_PIVOT_MISSING").err(&pivot);
    assert_eq!(office.counts().await, numbers(&[]));
    serve("lotl-pivot-20.xml", lists(20, &[&pivot, JOURNAL], &office.lotl).into());
    let said = office.trust(&["refresh"]).await.ended(7).out("-> pivot 20").out("named by pivot 20").out("FR 1    accepted");
    said.err("DE      NOT REACHED: the answer has status 404; nothing is accepted in its place");
    assert_eq!(office.counts().await, numbers(&[("EU", 21), ("FR", 1)]));

    // another country's list at a country's URL; then all is well
    serve("DE.xml", office.list("FR", 2, &["Un"]).into());
    office.trust(&["refresh"]).await.ended(7).err("LIST_OTHER_TERRITORY");
    serve("DE.xml", office.list("DE", 2, &["Eins"]).into());
    office.trust(&["diff"]).await.ended(0).out("DE 2    accepted").out("+ Provider of Eins");
    office.trust(&["refresh"]).await.ended(0).out("DE 2    accepted").out("FR 1    unchanged");
    assert_eq!(office.counts().await, numbers(&[("DE", 2), ("EU", 21), ("FR", 1)]));
    // a list too large, and a list of lists that went back: what is accepted stays
    serve("FR.xml", vec![b' '; (8 << 20) + 1]);
    serve("lotl.xml", lists(20, &[&pivot, JOURNAL], &office.lotl).into());
    let said = office.trust(&["refresh"]).await.ended(7);
    said.err("NOT REACHED: the answer is too large; the accepted FR 1 stays")
        .err("EU 20   REFUSED LIST_OLDER")
        .err("the accepted EU 21 stays");
    assert_eq!(office.counts().await, numbers(&[("DE", 2), ("EU", 21), ("FR", 1)]));
}

#[tokio::test]
async fn two_imports_at_once_do_not_undo_each_other() {
    let office = Office::open("").await;
    office.write("in/lotl.xml", office.lotl(10, "https://lists.example", &["FR"]));
    office.write("in/FR.xml", office.list("FR", 5, &["Un"]));
    let [a, b] = [office.write("a.xml", office.list("FR", 6, &["Un"])), office.write("b.xml", office.list("FR", 7, &["Un"]))];
    office.import(&office.path("in"), &[]).await.ended(0);
    for _ in 0..3 {
        let (one, other) = tokio::join!(office.import(&a, &[]), office.import(&b, &[]));
        // one of them may have to be run again; a second finds its list older or as it is
        assert!([0, 1, 7].contains(&one.code) && [0, 1].contains(&other.code), "{} {}", one.err, other.err);
    }
    assert_eq!(office.counts().await, numbers(&[("EU", 10), ("FR", 7)]));
}

/// The real lists of one day, from the pinned signer over the pivots into the database. They are long past their NextUpdate.
#[tokio::test]
async fn the_real_lists_of_2025_are_imported_whole() {
    let Some(collection) = Collection::find() else { return };
    let policy = "warn_after_days = 0\nrefuse_registrations_after_days = 36500\nrefuse_after_days = 36500\n";
    let office = Office::open(&format!("official_journal = \"{JOURNAL_2019}\"\n{policy}")).await;
    fs::write(office.path("lotl.pem"), pem(collection.signers("oj-c-2026-1944-4")[0].der())).unwrap();
    for (name, xml) in collection.lists("2025-08-08") {
        office.write(&format!("in/{name}.xml"), xml);
    }
    let said = office.import(&office.path("in"), &[]).await.ended(0).out("-> pivot 282 -> pivot 300 -> pivot 335 -> pivot 341");
    said.out("UK 25   excluded")
        .out("IT 211  accepted: 198 services")
        .out("named by list of lists 370")
        .out("WARNING: its NextUpdate was ");
    let snapshot = office.snapshot().await;
    assert_eq!((snapshot.lists.len(), snapshot.lists.iter().map(|list| list.services.len()).sum::<usize>()), (30, 1342));
    office.trust(&["show"]).await.ended(0).out("30 lists, 1342 services of type CA/QC, ");
    // Belgium's list of the next year is compared; nobody who is known yet may sign it, until the newer list of lists is there
    let belgium = office.write("BE.xml", collection.list("2026/BE-v6"));
    office
        .trust(&["diff", belgium.to_str().unwrap()])
        .await
        .ended(7)
        .out("BE 81   REFUSED LIST_SIGNER_UNKNOWN")
        .out("the accepted BE 74 stays");
}

/// Serving processes read what was accepted, with every service as it was.
#[tokio::test]
async fn what_was_accepted_survives_as_it_was() {
    let office = Office::open("").await;
    office.write("in/lotl.xml", office.lotl(10, "https://lists.example", &["EL", "FR"]));
    let spec = office.spec("FR", 5, &["Un", "Deux"]);
    office.write("in/FR.xml", spec.sign(&office.national).unwrap());
    office.write("in/EL.xml", office.list("EL", 3, &["Ένα"]));
    office.import(&office.path("in"), &[]).await.ended(0);
    let db = Db::new(office.bank.pool().await);
    let (first, pointers) = (db.accepted_snapshot().await.unwrap().unwrap(), db.accepted_pointers().await.unwrap().unwrap());
    db.close().await;
    let again = Db::new(office.bank.pool().await).accepted_snapshot().await.unwrap().unwrap();
    assert_eq!(first, again);
    let of = |territory: &str| -> Vec<Service> { again.lists.iter().find(|list| list.territory == territory).unwrap().services.clone() };
    assert_eq!((of("FR"), of("EL")[0].name.as_str(), of("EU").len()), (spec.services, "Ένα", 0));
    assert_eq!((pointers.0, pointers.1.len()), (10, 2));
}
