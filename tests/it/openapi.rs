//! The OpenAPI documents say what the server does: compared with the committed files, the router and the refusals' code.

use crate::harness::bank::everywhere;
use axum::body::Body;
use guichet::{
    admin::AdminPolicy,
    app::{App, Desks, House, Shared, WaysOut},
    clock::System,
    config::{BrandPlace, OutboundSettings, shipped_brand},
    flows::health::Health,
    http::{BodyLimits, Door, Forwarded, HttpLimits, Inside, Tracing, brand_document, documents, endpoints, internal_document},
    limits::Policy,
    oauth::{
        authorize::AuthorizeRefusal,
        brand::{Brand, Lang},
        client::ClientRefusal,
        error::ErrorCode,
        profile::{Profiles, SecurityProfile},
        sca::ScaFailure,
        token::TokenRefusal,
    },
    outbound::Outbound,
    pages::{Developers, Site},
    pki::{Anchors, PresentedChain, Trust, TrustPolicy},
    sca::Drivers,
    signing::SigningDesk,
    storage::Db,
    tls::{
        front_proxy::Hop,
        peer::{Counter, Peer},
    },
    trust::{TrustDesk, revocation::StatusDesk, standing::StandingDesk},
};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use sqlx::PgPool;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tower::Service;

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

fn brand(bank: &str, sandbox: bool) -> Brand {
    let place = BrandPlace {
        id: None,
        sandbox,
        issuer: format!("https://auth.{bank}.example"),
        tpp_origin: format!("https://api.{bank}.example"),
        psu_origin: format!("https://auth.{bank}.example"),
        psu_authentication: None,
    };
    shipped_brand(bank, place).unwrap()
}

fn brands() -> Vec<Brand> {
    ["cic", "labanquepostale"].into_iter().flat_map(|bank| [false, true].map(|sandbox| brand(bank, sandbox))).collect()
}

/// A brand whose clients may choose FAPI 2.0.
fn ahead() -> Brand {
    Brand { profiles: Profiles { least: SecurityProfile::Legacy, most: SecurityProfile::Fapi2 }, ..brand("cic", true) }
}

fn document(brand: &Brand) -> Value {
    serde_json::to_value(brand_document(brand)).unwrap()
}

fn all_documents() -> Vec<Value> {
    brands().iter().chain([&ahead()]).map(document).chain([serde_json::to_value(internal_document()).unwrap()]).collect()
}

/// Method, path and operation.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        all.extend(
            item.as_object().unwrap().iter().filter(|(key, _)| METHODS.contains(&key.as_str())).map(|(m, o)| (m.clone(), path.clone(), o)),
        );
    }
    all
}

fn response<'d>(document: &'d Value, response: &'d Value) -> &'d Value {
    match response["$ref"].as_str() {
        Some(target) => document.pointer(target.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{target} is nowhere")),
        None => response,
    }
}

#[test]
fn the_committed_documents_are_what_the_code_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let written: BTreeMap<_, _> = documents(&guichet::config::example_brands()).into_iter().collect();
    assert_eq!(written.keys().collect::<Vec<_>>(), ["cic.json", "internal.json", "labanquepostale.json", "sca-driver.json"]);
    for (name, text) in &written {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(committed == *text, "openapi/{name} is not what the code says: run `cargo run -- openapi`");
    }
}

#[test]
fn the_document_lists_what_the_router_registers() {
    for brand in brands() {
        let document = document(&brand);
        let documented: BTreeSet<_> = operations(&document).into_iter().map(|(method, path, _)| (method.to_uppercase(), path)).collect();
        let served: Vec<_> = endpoints(&brand).iter().map(|e| (e.method().to_string(), e.path(&brand))).collect();
        assert_eq!(served.iter().cloned().collect::<BTreeSet<_>>(), documented, "{}", brand.id);
        assert_eq!(served.len(), documented.len(), "{}", brand.id);
    }
}

/// A door to these brands. Its database is never reached: what is asked here is decided before.
fn door(brands: Vec<Brand>) -> Door {
    let trust =
        Trust::new(Anchors::from_pem(include_bytes!("fixtures/qwac/anchors/hr-fina-rdc-2015.pem")).unwrap(), TrustPolicy::default());
    let pool = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap();
    let shared = Arc::new(Shared::new(Db::new(pool), Arc::new(System::new()), Arc::new(System::new()), Policy::default()));
    let brands: Vec<_> = brands.into_iter().map(Arc::new).collect();
    let drivers = Drivers::new(&brands, &shared.db, BTreeMap::new(), None);
    let app = App::new(
        shared.clone(),
        brands,
        Desks {
            trust: TrustDesk::new(everywhere(trust)),
            statuses: StatusDesk::new(HashMap::new()),
            standing: StandingDesk::new(HashMap::new()),
        },
        WaysOut { outbound: Outbound::new(&OutboundSettings::default()).unwrap(), drivers },
        House { signing: SigningDesk::default(), admin: AdminPolicy::default() },
    );
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let body = BodyLimits { bytes: 1024, time: Duration::from_secs(5) };
    let door = Door::new(shared.clone(), Arc::new(Health::new(shared)), metrics);
    let limits = HttpLimits::new(body, Duration::from_secs(5), 8, 100);
    door.open(Inside::new(&app, limits, Forwarded::new(None), Tracing::default()));
    door
}

async fn status(door: &mut Door, counter: Counter, host: &str, method: &Method, path: &str) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path).header("host", host).body(Body::empty()).unwrap();
    let address = ([127, 0, 0, 1], 1).into();
    let peer = Peer { address, socket: address, counter, hop: Hop::Direct, chain: PresentedChain::default() };
    request.extensions_mut().insert(peer);
    door.call(request).await.unwrap().status()
}

/// Which of the methods a path answers: 405 is said by paths that exist, 404 by those that do not.
async fn answered(door: &mut Door, counter: Counter, host: &str, path: &str) -> BTreeSet<String> {
    let path = path
        .replace("{lang}", "fr")
        .replace("{client_id}", "a")
        .replace("{id}", "a")
        .replace("{brand}", "nobody")
        .replace("{link}", "a")
        .replace("{ticket}", "a")
        .replace("{grant_id}", "a")
        .replace("{login}", "a")
        .replace("{organisation}", "a")
        .replace("{kid}", "a");
    assert_eq!(status(door, counter, host, &Method::PATCH, &path).await, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let mut answered = BTreeSet::new();
    for method in METHODS {
        let known = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        if status(door, counter, host, &known, &path).await != StatusCode::METHOD_NOT_ALLOWED {
            answered.insert(method.to_owned());
        }
    }
    answered
}

#[tokio::test]
async fn the_door_answers_the_documented_methods_and_no_others() {
    for brand in brands() {
        let document = document(&brand);
        let mut documented = BTreeMap::<_, BTreeSet<String>>::new();
        for (method, path, operation) in operations(&document) {
            let server = operation["servers"][0]["url"].as_str().unwrap().to_owned();
            documented.entry((server, path)).or_default().insert(method);
        }
        let mut door = door(vec![brand.clone()]);
        for ((server, path), methods) in documented {
            let counter = if server == brand.tpp_origin { Counter::Tpp } else { Counter::Psu };
            let host = server.strip_prefix("https://").unwrap();
            assert_eq!(answered(&mut door, counter, host, &path).await, methods, "{} {path}", brand.id);
        }
        assert_eq!(status(&mut door, Counter::Tpp, "api.cic.example.invalid", &Method::GET, "/").await, StatusCode::MISDIRECTED_REQUEST);
    }
    let internal = serde_json::to_value(internal_document()).unwrap();
    let mut door = door(vec![brand("cic", false)]);
    let mut documented = BTreeMap::<_, BTreeSet<String>>::new();
    for (method, path, _) in operations(&internal) {
        documented.entry(path).or_default().insert(method);
    }
    for (path, methods) in documented {
        assert_eq!(answered(&mut door, Counter::Internal, "internal", &path).await, methods, "{path}");
    }
}

#[test]
fn every_operation_has_a_name_a_summary_and_its_refusals() {
    for document in all_documents() {
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('4')), "{method} {path}");
            for (status, answer) in responses {
                assert!(response(&document, answer)["description"].as_str().is_some_and(|d| !d.is_empty()), "{method} {path} {status}");
            }
            let unavailable = response(&document, &responses["503"]);
            assert!(unavailable["headers"]["Retry-After"].is_object(), "{method} {path}");
            for variable in path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(parameters.iter().any(|p| p["in"] == "path" && p["name"] == variable), "{path}: {variable}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'d>(value: &'d Value, found: &mut BTreeSet<&'d str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for document in all_documents() {
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for target in &found {
            assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{target} is nowhere");
        }
        for (kind, components) in document["components"].as_object().unwrap().iter().filter(|(kind, _)| *kind != "securitySchemes") {
            for name in components.as_object().unwrap().keys().filter(|name| *name != "OpenApiDocument") {
                assert!(found.contains(format!("#/components/{kind}/{name}").as_str()), "{kind}/{name} is used by nothing");
            }
        }
    }
}

/// Status and body of every example of a refusal.
fn refusals(document: &Value) -> Vec<(String, Value)> {
    let mut all = vec![];
    for (_, _, operation) in operations(document) {
        for (status, answer) in operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let examples = &response(document, answer)["content"]["application/json"]["examples"];
            all.extend(examples.as_object().into_iter().flatten().map(|(_, example)| (status.clone(), example["value"].clone())));
        }
    }
    all
}

#[test]
fn all_errors_of_examples_exist() {
    for document in all_documents() {
        let refusals = refusals(&document);
        assert!(refusals.len() > 10);
        for (status, body) in refusals {
            let code = ErrorCode::ALL.into_iter().find(|code| body["error"] == code.as_str());
            assert!(code.is_some() && body["error_description"].as_str().is_some_and(|d| !d.is_empty()), "{status} {body}");
            assert!(code.is_some_and(|c| c.status() == 400 || status == "429" || c.status().to_string() == status), "{status} {body}");
        }
    }
}

#[test]
fn the_redirect_tells_every_failure_in_the_channels_spelling() {
    for brand in brands() {
        let document = document(&brand);
        for channel in &brand.channels {
            let redirect = &document["paths"][&channel.authorize_path]["get"]["responses"]["303"];
            let examples = redirect["headers"]["Location"]["examples"].as_object().unwrap();
            let query = |value: &Value| -> BTreeMap<String, String> {
                url::Url::parse(value.as_str().unwrap()).unwrap().query_pairs().into_owned().collect()
            };
            for failure in ScaFailure::ALL {
                let code = channel.wire_code(failure);
                assert_eq!(query(&examples[failure.name()]["value"])["error"], code, "{} {}", brand.id, channel.name);
                let told = redirect["description"].as_str().unwrap();
                assert!(told.contains(&format!("`error={code}`")) && told.contains(failure.description()), "{code}");
            }
            let spelled: BTreeSet<_> =
                ScaFailure::ALL.map(|f| channel.wire_code(f)).into_iter().chain(ErrorCode::ALL.map(ErrorCode::as_str)).collect();
            for example in examples.values() {
                let query = query(&example["value"]);
                assert!(query["iss"] == brand.issuer && query.contains_key("state"), "{query:?}");
                assert!(query.contains_key("code") != query.get("error").is_some_and(|e| spelled.contains(e.as_str())), "{query:?}");
            }
        }
    }
}

/// Words after each `marker` in a source file.
fn words_after(file: &str, marker: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    source.split(marker).skip(1).map(word).filter(|word| !word.is_empty()).collect()
}

fn names<T: std::fmt::Debug>(all: &[T]) -> BTreeSet<String> {
    all.iter().map(|refusal| format!("{refusal:?}").split('(').next().unwrap().to_owned()).collect()
}

#[test]
fn the_lists_of_refusals_are_complete() {
    // the `match`es in this file are exhaustive, so they name every variant
    let table = "src/oauth/error.rs";
    assert_eq!(names(&TokenRefusal::ALL), words_after(table, " TokenRefusal::"));
    assert_eq!(names(&ClientRefusal::all()), words_after(table, " ClientRefusal::"));
    assert_eq!(names(&AuthorizeRefusal::all("scope")), words_after(table, " AuthorizeRefusal::"));
    let codes = words_after("src/oauth/error_code.rs", "=> \"").len();
    assert_eq!(names(&ErrorCode::ALL).len(), codes);
}

#[test]
fn a_token_endpoint_lists_each_refusal_that_it_gives() {
    for brand in brands() {
        let document = document(&brand);
        let told: BTreeSet<_> =
            refusals(&document).into_iter().map(|(_, body)| body["error_description"].as_str().unwrap().to_owned()).collect();
        for description in
            ["the code has expired", "code_verifier: missing", "client authentication failed", "token: missing", "CERTIFICATE_EXPIRED"]
        {
            assert!(told.contains(description), "{} {description}", brand.id);
        }
        let offers_refresh = brand.scopes.iter().any(|s| s.refresh_token);
        assert_eq!(told.contains("refresh_token: missing"), offers_refresh, "{}", brand.id);
    }
}

#[test]
fn registration_lists_each_reason_of_the_code() {
    let read = |file| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let source = read("src/oauth/registration.rs") + &read("src/oauth/registered_keys.rs");
    let told: String = brands().iter().chain([&ahead()]).flat_map(|brand| refusals(&document(brand))).map(|(_, body)| format!("{body}\n")).collect();
    let makers = ["Refusal::metadata(", "Refusal::redirect(", "refuse(\""];
    let mut reasons = 0;
    for line in source.lines().filter(|line| makers.iter().any(|maker| line.contains(maker))) {
        let Some(why) = line.rsplit('"').nth(1).filter(|_| line.contains("\")")) else { continue };
        let fixed = why.split('{').next().unwrap().trim();
        assert!(told.contains(fixed), "no example of: {why}");
        reasons += 1;
    }
    assert!(reasons > 25, "{reasons} reasons found in the source");
}

#[test]
fn registration_lists_each_reason_against_a_certificate() {
    let codes = words_after_quotes("src/pki/reason.rs");
    assert!(codes.len() > 40);
    let document = document(&brand("cic", false));
    let examples = &document["paths"]["/cic/oauth2/registrations"]["post"]["responses"]["401"]["content"]["application/json"]["examples"];
    let told: BTreeSet<_> =
        examples.as_object().unwrap().values().map(|e| e["value"]["error_description"].as_str().unwrap().to_owned()).collect();
    for code in codes {
        assert!(told.contains(&code), "{code}");
    }
}

/// The codes of the table of reasons: its rows read `=> (step, "CODE", ..`.
fn words_after_quotes(file: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    source.lines().filter(|line| line.contains("=> (")).filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn the_developers_page_shows_every_operation() {
    for document in all_documents() {
        let site = Site { lang: Lang::En, brand: "B", sandbox: false, look: None };
        let html = Developers { site, document: &document, certificate_page: Some("/b/en/certificate") }.render();
        for (method, path, operation) in operations(&document) {
            let heading = format!("<span class=\"method\">{}</span><code>{path}</code>", method.to_uppercase());
            assert!(html.contains(&heading), "{heading}");
            assert!(html.contains(&operation["summary"].as_str().unwrap().replace('\'', "&#39;")), "{method} {path}");
        }
        for (_, body) in refusals(&document) {
            assert!(html.contains(&format!("<code>{}</code>", body["error"].as_str().unwrap())), "{body}");
        }
    }
}
