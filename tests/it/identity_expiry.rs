//! Whose certificate ends, and when: the list, the metric, the log and the events for whoever mails the TPP.

use crate::{
    harness::{Bank, BankOptions, Brand, CIC, LBP, Process, Tpp, bank::database, sql::execute, together, wire::Reply},
    identity::qwac,
    identity_merge::tpp_json,
    register::with,
};
use guichet::{clock::Clock, tasks::expiry};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::{Duration as Wait, Instant};
use time::Duration;

async fn read(bank: &Bank, query: &str) -> Reply {
    bank.gateway().get(&format!("https://localhost:{}/events{query}", bank.internal.port())).await
}

async fn events(bank: &Bank) -> Vec<Value> {
    read(bank, "?limit=500").await.ok(200).json()["events"].as_array().unwrap().clone()
}

async fn until_events(bank: &Bank, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let found = events(bank).await;
        if found.len() >= count {
            assert_eq!(found.len(), count, "{found:#?}");
            return found;
        }
        assert!(began.elapsed() < Wait::from_secs(10), "{} of {count}", found.len());
        tokio::time::sleep(Wait::from_millis(20)).await;
    }
}

/// A run by hand, an hour later: nothing new comes of it.
async fn silent(bank: &Bank, case: &str) {
    let before = events(bank).await;
    bank.clock.advance(Duration::HOUR);
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(events(bank).await, before, "{case}");
}

fn contacts(brand: Brand, addresses: &[&str]) -> Value {
    with(Tpp::metadata(brand), json!({ "contacts": addresses }))
}

#[tokio::test]
async fn each_threshold_is_told_once_and_none_after_renewal() {
    let bank = Bank::start().await;
    let tpp = qwac(&bank, "PSDFR-ACPR-82001", 40);
    tpp.register_as(CIC, &contacts(CIC, &["b@tpp.example", "a@tpp.example"])).await;
    tpp.register_as(CIC, &with(contacts(CIC, &["a@tpp.example"]), json!({ "client_name": "Second" }))).await;
    qwac(&bank, "PSDFR-ACPR-82002", 400).register(CIC).await;
    // it comes by without a client, so it has nothing to lose
    qwac(&bank, "PSDFR-ACPR-82003", 20).try_register(CIC, &json!({})).await.ok(400);
    silent(&bank, "nobody is near the end").await;

    let end = bank.clock.now() + Duration::days(40) - Duration::HOUR;
    let mut told = 0;
    for (left, threshold, days) in [(30, 30, 30), (14, 14, 14), (7, 7, 7), (1, 1, 1), (0, 1, 0)] {
        let ahead = end - Duration::days(left) - bank.clock.now();
        if (left, threshold) == (0, 1) {
            bank.clock.advance(ahead - Duration::HOUR);
            silent(&bank, "its last second is still the last day").await;
            bank.clock.advance(Duration::HOUR);
        } else {
            bank.clock.advance(ahead);
        }
        told += 1;
        let last = until_events(&bank, told).await.pop().unwrap();
        assert_eq!((last["kind"].as_str(), last["organisation"].as_str()), (Some("certificate_expiring"), Some("PSDFR-ACPR-82001")));
        let payload = &last["payload"];
        let expected = if left == 0 { 0 } else { threshold };
        assert_eq!((payload["threshold"].as_i64(), payload["days"].as_i64()), (Some(expected), Some(days)), "{last}");
        assert_eq!(payload["contacts"], json!(["a@tpp.example", "b@tpp.example"]));
        assert_eq!(payload["thumbprint"].as_str().map(str::len), Some(64));
        silent(&bank, "once").await;
    }

    // the next one is renewed in time: its old certificate's end is no news
    let tpp = qwac(&bank, "PSDFR-ACPR-82004", 29);
    let client = tpp.register(CIC).await;
    bank.clock.advance(Duration::HOUR);
    until_events(&bank, told + 1).await;
    let renewed = client.over(&qwac(&bank, "PSDFR-ACPR-82004", 400));
    renewed.client_credentials().await.ok(200);
    for days in [16, 8, 3, 3] {
        bank.clock.advance(Duration::days(days));
        silent(&bank, "it has renewed").await;
    }
}

/// For alerts at 30 and 7 days: a series for each organisation that nears its end, which says so when it has renewed.
#[tokio::test]
async fn an_organisations_own_series_tells_its_end_until_it_has_renewed() {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    let (handle, _kept) = (recorder.handle(), metrics::set_default_local_recorder(recorder));
    let (bank, mut board) = (Bank::start().await, expiry::Board::default());
    let series = |organisation: &str| {
        let line = format!("guichet_organisation_expires_seconds{{organisation=\"{organisation}\"}} ");
        handle.render().lines().find_map(|text| text.strip_prefix(&line)?.parse::<i64>().ok())
    };
    let client = qwac(&bank, "PSDFR-ACPR-82201", 40).register(CIC).await;
    let end = (bank.clock.now() + Duration::days(40)).unix_timestamp();
    board.look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(series("PSDFR-ACPR-82201"), None, "not yet");
    bank.clock.advance(Duration::days(11));
    board.look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert!(series("PSDFR-ACPR-82201").is_some_and(|told| (told - end).abs() <= 3600), "{:?}", series("PSDFR-ACPR-82201"));
    client.over(&qwac(&bank, "PSDFR-ACPR-82201", 400)).client_credentials().await.ok(200);
    board.look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(series("PSDFR-ACPR-82201"), Some(0), "renewed");
}

#[tokio::test]
async fn two_replicas_tell_once() {
    let bank = Bank::start().await;
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    for n in 0..5 {
        qwac(&bank, &format!("PSDFR-ACPR-8210{n}"), 10 + n).register(CIC).await;
    }
    for hour in 0..5 {
        for bank in [&bank, &other] {
            bank.clock.advance(Duration::HOUR);
        }
        let look = async |bank: &Bank| expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
        together((0..8).map(|n| look(if n % 2 == 0 { &bank } else { &other }))).await;
        assert_eq!(events(&other).await.len(), 5, "hour {hour}");
    }
    assert_eq!(events(&bank).await, events(&other).await);
}

#[tokio::test]
async fn a_reader_keeps_its_place_and_may_read_again() {
    let bank = Bank::start().await;
    for n in 0..7 {
        qwac(&bank, &format!("PSDFR-ACPR-8220{n}"), 10 + n).register(CIC).await;
    }
    bank.clock.advance(Duration::HOUR);
    let all = until_events(&bank, 7).await;
    let (mut after, mut found) = (0, vec![]);
    loop {
        let page = read(&bank, &format!("?after={after}&limit=3")).await.ok(200);
        assert_eq!(page.header("cache-control"), "no-store");
        let (page, again) = (page.json(), read(&bank, &format!("?limit=3&after={after}")).await.json());
        assert_eq!(page, again, "reading changes nothing");
        if page["events"].as_array().unwrap().is_empty() {
            assert_eq!(page["next"], after);
            break;
        }
        found.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_i64().unwrap();
    }
    assert_eq!(found, all);
    let ids: Vec<_> = all.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for query in ["?limit=0", "?limit=501", "?limit=x", "?after=-1", "?after=99999999999999999999", "?after=1&after=2", "?after=%FF"] {
        read(&bank, query).await.refused(400, "invalid_request");
    }
    assert_eq!(read(&bank, "").await.ok(200).json()["events"].as_array().unwrap().len(), 7);
}

/// A slow publisher holds the others back: an id that a reader passed over would be lost to it.
#[tokio::test]
async fn events_become_visible_in_the_order_of_their_ids() {
    let bank = Bank::start().await;
    qwac(&bank, "PSDFR-ACPR-82301", 40).register(CIC).await;
    silent(&bank, "not yet").await;
    let mut slow = PgConnection::connect_with(&bank.database).await.unwrap();
    execute(&mut slow, "begin; select pg_advisory_xact_lock(hashtextextended('events', 0))".into()).await;
    execute(&mut slow, "insert into events (at, kind, payload, occasion) values (now(), 'other', '{}', '1')".into()).await;
    bank.clock.advance(Duration::days(20));
    tokio::time::sleep(Wait::from_millis(1500)).await;
    assert_eq!(events(&bank).await, [] as [Value; 0], "the task waits for its turn");
    execute(&mut slow, "commit".into()).await;
    let kinds: Vec<_> = until_events(&bank, 2).await.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["other", "certificate_expiring"]);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    let bank = Bank::start().await;
    let client = qwac(&bank, "PSDFR-ACPR-82401", 10).register(CIC).await;
    bank.clock.advance(Duration::HOUR);
    until_events(&bank, 1).await;
    client.over(&qwac(&bank, "PSDFR-ACPR-82401", 100)).client_credentials().await.ok(200);
    let count = async || -> (i64, i64) {
        let counts = "select (select count(*) from certificates), (select count(*) from events)";
        sqlx::query_as(counts).fetch_one(&bank.pool().await).await.unwrap()
    };
    bank.clock.advance(Duration::days(399));
    silent(&bank, "the later certificate ended too long ago to be news").await;
    assert_eq!(count().await, (2, 1));
    bank.clock.advance(Duration::days(12));
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(count().await, (1, 0), "400 days after its end, or after the event");
}

/// The program itself, twice: the metric is each process's own, the log line is written once.
#[tokio::test]
async fn the_metric_is_everybodys_the_log_line_is_ones() {
    let database = database().await;
    let options = || BankOptions { database: Some(database.clone()), ..BankOptions::default() };
    let (bank, other) = (Bank::unserved(options()).await, Bank::unserved(options()).await);
    let first = Process::serve(&bank).await;
    qwac(&bank, "PSDFR-ACPR-82501", 5).register(CIC).await;
    qwac(&bank, "PSDFR-ACPR-82502", 25).register(CIC).await;
    qwac(&bank, "PSDFR-ACPR-82503", 60).register(CIC).await;
    let renewing = qwac(&bank, "PSDFR-ACPR-82504", 5).register(CIC).await;
    renewing.over(&qwac(&bank, "PSDFR-ACPR-82504", 300)).client_credentials().await.ok(200);
    drop(first);
    sqlx::raw_sql("update task_turns set taken_at = '1970-01-01'").execute(&bank.pool().await).await.unwrap();
    let processes = [Process::serve(&bank).await, Process::serve(&other).await];
    until_events(&bank, 2).await;
    for bank in [&bank, &other] {
        let began = Instant::now();
        loop {
            let metrics = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.body;
            let says = |line: &str| metrics.lines().any(|l| l == line);
            if says("guichet_organisations_expiring{within=\"7d\"} 1") && says("guichet_organisations_expiring{within=\"30d\"} 2") {
                break;
            }
            assert!(began.elapsed() < Wait::from_secs(5), "{metrics}");
            tokio::time::sleep(Wait::from_millis(50)).await;
        }
    }
    let logs: String = processes.iter().map(Process::log).collect();
    for (organisation, lines) in [("82501", 1), ("82502", 1), ("82503", 0), ("82504", 0)] {
        let said = |line: &&str| line.contains("certificate expires soon") && line.contains(&format!("PSDFR-ACPR-{organisation}"));
        let found: Vec<_> = logs.lines().filter(said).collect();
        assert_eq!(found.len(), lines, "{found:?}");
        assert!(found.iter().all(|line| line.contains("\"level\":\"WARN\"")), "{found:?}");
    }
}

#[tokio::test]
async fn the_list_tells_who_must_renew() {
    let bank = Bank::start().await;
    let ends = [("PSDFR-ACPR-83001", 5), ("PSDFR-ACPR-83002", 20), ("PSDFR-ACPR-83003", 90), ("PSDFR-ACPR-83004", 9)];
    for (organisation, days) in ends {
        qwac(&bank, organisation, days).register(CIC).await;
    }
    let renewed = qwac(&bank, "PSDFR-ACPR-83004", 300);
    renewed.try_register(CIC, &json!({})).await.ok(400);
    let names = |listed: &Value| -> Vec<String> {
        listed["organisations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["organisation"].as_str().unwrap()["PSDFR-ACPR-".len()..].to_owned())
            .collect()
    };
    let all = tpp_json(&bank, &["list"]).await;
    assert_eq!(names(&all), ["83001", "83002", "83003", "83004"]);
    let last = &all["organisations"][3];
    assert_eq!(
        (last["client_count"].as_i64(), last["certificate_count"].as_i64(), last["days_left"].as_i64()),
        (Some(1), Some(2), Some(299))
    );
    assert!(last["first_end"].as_str() < last["last_end"].as_str() && last["last_seen_at"].is_string(), "{last}");
    assert_eq!(last["legal_name"], "Société PSDFR-ACPR-83004");
    for (days, expected) in [("4", &[][..]), ("5", &["83001"]), ("30", &["83001", "83002"]), ("365", &["83001", "83002", "83003", "83004"])]
    {
        assert_eq!(names(&tpp_json(&bank, &["list", "--expiring-within", days]).await), expected, "{days}");
    }
    // page by page
    let (mut after, mut found) = (String::new(), vec![]);
    loop {
        let page = tpp_json(&bank, &["list", "--limit", "3", "--after", &after]).await;
        found.extend(names(&page));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, names(&all));

    let shown = tpp_json(&bank, &["show", "PSDFR-ACPR-83004"]).await;
    assert_eq!((shown["clients"][0]["brand"].as_str(), shown["clients"][0]["client_name"].as_str()), (Some("cic"), Some("Test app")));
    let certificates = shown["certificates"].as_array().unwrap();
    assert_eq!(certificates.iter().map(|c| c["days_left"].as_i64().unwrap()).collect::<Vec<_>>(), [299, 8], "the last to end comes first");
    for field in ["serial", "issuer", "not_before", "not_after", "first_seen_at", "last_seen_at"] {
        assert!(certificates[0][field].is_string(), "{field}");
    }
    bank.write_config(&BankOptions::default());
    // a name that would steer the terminal is written, not obeyed
    sqlx::raw_sql("update certificates set legal_name = E'Evil\\u001b[2J\\u202e SA'").execute(&bank.pool().await).await.unwrap();
    for verb in [&["tpp", "list"][..], &["tpp", "show", "PSDFR-ACPR-83001"]] {
        let text = bank.operator(verb).await;
        assert!(text.contains("Evil\\u{1b}[2J\\u{202e} SA") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
        let json = bank.operator(&[verb, &["--json"]].concat()).await;
        assert!(json.contains("Evil\\u001b[2J\\u202e SA") && !json.contains(['\u{1b}', '\u{202e}']), "{json}");
    }
}

/// Plans are asserted for every statement (`plans`); this is the whole verb on a bank of some size.
#[tokio::test]
async fn five_thousand_organisations_are_listed_fast() {
    let bank = Bank::start().await;
    let mut db = PgConnection::connect_with(&bank.database).await.unwrap();
    let fill = "
        insert into certificates (thumbprint, organisation, chain, issuer, serial, not_before, not_after, legal_name, roles, brands, first_seen_at)
        select sha256((n || ' ' || k)::bytea), 'PSDFR-ACPR-' || n, array[repeat('x', 1500)::bytea], 'CN=QTSP', n::text, now() - interval '400 days',
               now() + (n % 800 - 300 - 100 * k) * interval '1 day', 'TPP ' || n, array['PSP_AI'], array['cic'], now()
        from generate_series(10001, 15000) n, generate_series(0, 3) k;
        insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests, fingerprint,
                             created_at, updated_at)
        select md5('client' || n || b)::uuid, b, 'PSDFR-ACPR-' || n, 'TPP ' || n, '{\"client_name\": \"App\", \"contacts\": [\"a@b.example\"]}', 'aisp',
               '{}', '{}', sha256(n::text::bytea), now(), now()
        from generate_series(10001, 15000) n, (values ('cic'), ('labanquepostale')) brands (b);
        analyze";
    execute(&mut db, fill.into()).await;
    let timed = async |arguments: &[&str]| {
        let began = Instant::now();
        let found = tpp_json(&bank, arguments).await;
        println!("tpp {}: {:?}", arguments.join(" "), began.elapsed());
        assert!(began.elapsed() < Wait::from_secs(5), "{arguments:?} took {:?}", began.elapsed());
        found
    };
    let (mut after, mut pages, mut count) = (String::new(), 0, 0);
    loop {
        let page = timed(&["list", "--limit", "1000", "--after", &after]).await;
        (pages, count) = (pages + 1, count + page["organisations"].as_array().unwrap().len());
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, count), (5, 5000));
    let expiring = timed(&["list", "--expiring-within", "30", "--limit", "1000"]).await;
    let listed = expiring["organisations"].as_array().unwrap().len();
    assert!((150..=250).contains(&listed), "{listed}");
    timed(&["show", "PSDFR-ACPR-12345"]).await;
    let began = Instant::now();
    bank.clock.advance(Duration::HOUR);
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    println!("a run of the task: {:?}", began.elapsed());
    assert!(began.elapsed() < Wait::from_secs(5));
    let told = until_told(&bank).await;
    assert!(told >= listed, "{told} of {listed}: more pages than one");
}

async fn until_told(bank: &Bank) -> usize {
    let began = Instant::now();
    loop {
        let told = events(bank).await.len();
        if told > 0 || began.elapsed() > Wait::from_secs(5) {
            return told;
        }
        tokio::time::sleep(Wait::from_millis(20)).await;
    }
}

/// A certificate of another trust, for the sandbox, renews nothing at the brand that customers use.
#[tokio::test]
async fn a_certificate_counts_where_it_was_accepted() {
    let bank = Bank::start().await;
    // the hour's turn is taken before there is anything to tell
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    let tpp = qwac(&bank, "PSDFR-ACPR-82601", 10);
    let cic = tpp.register_as(CIC, &contacts(CIC, &["cic@tpp.example"])).await;
    tpp.register_as(LBP, &contacts(LBP, &["lbp@tpp.example"])).await;
    let other = qwac(&bank, "PSDFR-ACPR-82601", 300);
    // met at cic alone, and as if another authority had issued both
    cic.over(&other).client_credentials().await.ok(200);
    sqlx::raw_sql("update certificates set brands = '{labanquepostale}' where not_after < now() + interval '20 days'")
        .execute(&bank.pool().await)
        .await
        .unwrap();
    bank.clock.advance(Duration::HOUR);
    let told = until_events(&bank, 1).await.remove(0);
    assert_eq!(told["payload"]["brands"], json!(["labanquepostale"]));
    assert_eq!(told["payload"]["contacts"], json!(["lbp@tpp.example"]), "of its clients there");
    let shown = tpp_json(&bank, &["show", "PSDFR-ACPR-82601"]).await;
    assert_eq!(shown["certificates"][0]["brands"], json!(["cic"]));
    assert_eq!(tpp_json(&bank, &["list", "--expiring-within", "30"]).await["organisations"].as_array().unwrap().len(), 1);
}
