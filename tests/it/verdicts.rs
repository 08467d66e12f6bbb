//! The statement that acts and the core that judges say the same: whatever is wrong with a code or a refresh token, and in whatever
//! combination, the endpoint answers, writes down and leaves behind what the core's verdict on the same facts is.

use crate::harness::{
    Bank, BankOptions, CIC, Client, Reply, Tpp,
    tpp::{CALLBACK, CHALLENGE, VERIFIER},
    wire::encode,
};
use guichet::{
    clock::Clock,
    config::{self, BrandPlace},
    oauth::{
        brand::Brand,
        client::{AuthenticatedClient, ClientId, Credentials, Identified, identify},
        error::OAuthError,
        grant::{Grant, GrantId, PsuReference},
        params::Params,
        pkce::CodeChallenge,
        presented::Presented,
        rotation::{Place, RefreshChain, RefreshToken, SuccessionKey},
        scope::Scope,
        secret::{Digest, Handle, HandleKind},
        token::{
            CodeBinding, CodeRecord, CodeState, Issue, Redemption, RefreshRecord, Renewal, TokenRefusal, TokenRequest, check_grant_type,
            redeem, refresh,
        },
        tpp::{
            self, CertificateIssuer, OrganisationId,
            PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation},
        },
    },
    storage::Db,
};
use proptest::{prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use sqlx::{FromRow, PgPool};
use std::{collections::BTreeMap, iter, sync::Arc};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const ALL_ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];
const CASES: usize = 400;

/// Mostly this, else one of those.
fn mostly<T: Clone + std::fmt::Debug + 'static>(usual: T, odd: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop_oneof![6 => Just(usual), 1 => select(odd.to_vec())]
}

/// From now: to the microsecond, where it matters.
fn ends_in() -> impl Strategy<Value = Duration> {
    mostly(Duration::days(90), &[-Duration::DAY, -Duration::MICROSECOND, Duration::ZERO, Duration::MICROSECOND, Duration::minutes(2)])
}

/// What is common to both.
#[derive(Clone, Debug)]
struct Odds {
    own_client: bool,
    channel: &'static str,
    granted: &'static str,
    /// Of the grant's id.
    hint: Option<&'static str>,
    asked: Option<&'static str>,
    has_role: bool,
    /// The client registered refresh tokens.
    registered: bool,
    revoked: bool,
    ends_in: Duration,
    right_secret: bool,
}

fn odds() -> impl Strategy<Value = Odds> {
    let scope = || select(vec!["aisp", "aisp extended_transaction_history", "cbpii", "pisp"]);
    let who = (mostly(true, &[false]), mostly("web", &["pph"]), mostly(true, &[false]), mostly(true, &[false]));
    let about =
        (scope(), prop_oneof![8 => Just(None), 1 => scope().prop_map(Some)], prop_oneof![4 => Just(None), 1 => scope().prop_map(Some)]);
    (who, about, mostly(false, &[true]), ends_in(), mostly(true, &[false])).prop_map(
        |((own_client, channel, has_role, registered), (granted, hint, asked), revoked, ends_in, right_secret)| Odds {
            own_client,
            channel,
            granted,
            hint,
            asked,
            has_role,
            registered,
            revoked,
            ends_in,
            right_secret,
        },
    )
}

#[derive(Clone, Debug)]
struct CodeOdds {
    odds: Odds,
    used: bool,
    code_ends_in: Duration,
    redirect_uri_sent: bool,
    redirect_uri: Option<&'static str>,
    challenge: bool,
    verifier: Option<&'static str>,
}

fn code_odds() -> impl Strategy<Value = CodeOdds> {
    let redirect = (prop::bool::ANY, mostly(Some(CALLBACK), &[None, Some("https://tpp.example/other")]));
    let pkce = mostly(
        (true, Some(VERIFIER)),
        &[(true, None), (false, None), (false, Some(VERIFIER)), (true, Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))],
    );
    (odds(), mostly(false, &[true]), ends_in(), redirect, pkce).prop_map(
        |(odds, used, code_ends_in, (redirect_uri_sent, redirect_uri), (challenge, verifier))| CodeOdds {
            odds,
            used,
            code_ends_in,
            redirect_uri_sent,
            redirect_uri,
            challenge,
            verifier,
        },
    )
}

#[derive(Clone, Debug)]
struct RefreshOdds {
    odds: Odds,
    /// Which of the chain is the current one; those before it are over.
    current: usize,
    told: bool,
    presented: usize,
}

fn refresh_odds() -> impl Strategy<Value = RefreshOdds> {
    (odds(), 0..4_usize, prop::bool::ANY, prop_oneof![3 => Just(0_i64), 2 => Just(1), 1 => Just(2), 1 => Just(-1), 1 => Just(-3)]).prop_map(
        |(odds, current, told, from_current)| RefreshOdds {
            odds,
            current,
            told,
            presented: current.saturating_add_signed(isize::try_from(from_current).unwrap()),
        },
    )
}

/// A grant's row, as far as the token endpoint writes it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct Row {
    code_consumed_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: Option<String>,
    refresh_digest: Option<Vec<u8>>,
    refresh_next_digest: Option<Vec<u8>>,
    refresh_generation: i32,
}

struct World<'a> {
    bank: &'a Bank,
    pool: PgPool,
    /// As the server has it: aisp rotates, cbpii does not.
    brand: Brand,
    /// One that registered refresh tokens, one that did not, and a stranger's.
    clients: [Client<'a>; 3],
    /// A certificate of their organisation that has lost its roles.
    without_role: Tpp<'a>,
    known: BTreeMap<String, Arc<guichet::oauth::client::Client>>,
    key: SuccessionKey,
    now: OffsetDateTime,
}

impl<'a> World<'a> {
    async fn new(bank: &'a Bank) -> Self {
        let tpp = bank.tpp(ALL_ROLES);
        let mut metadata = Tpp::metadata(CIC);
        let full = tpp.register_as(CIC, &metadata).await;
        metadata["client_name"] = json!("Without refresh tokens");
        metadata["grant_types"] = json!(["authorization_code"]);
        let clients = [full, tpp.register_as(CIC, &metadata).await, bank.tpp(ALL_ROLES).register(CIC).await];
        let pool = bank.pool().await;
        let db = Db::new(pool.clone());
        let origin = |host: &str| format!("https://{host}");
        let place = BrandPlace {
            sandbox: true,
            issuer: origin(CIC.psu_host),
            tpp_origin: origin(CIC.tpp_host),
            psu_origin: origin(CIC.psu_host),
            ..BrandPlace::default()
        };
        let mut brand = config::shipped_brand(CIC.id, place).unwrap();
        brand.scopes[0].refresh_token_rotation = true;
        let mut known = BTreeMap::new();
        for client in &clients {
            let found = db.find_client(&brand.id, ClientId::parse(&client.id).unwrap()).await.unwrap().unwrap();
            known.insert(client.id.clone(), Arc::new(found));
        }
        let key = db.succession_key([3; 32]).await.unwrap();
        let without_role = bank.tpp_named(&tpp.organisation, [PaymentInitiation]);
        Self { bank, pool, brand, clients, without_role, known, key, now: bank.clock.now() }
    }

    fn pass(&mut self, time: Duration) {
        self.bank.clock.advance(time);
        self.now = self.bank.clock.now();
    }

    fn client(&self, odds: &Odds) -> &Client<'a> {
        &self.clients[usize::from(!odds.registered)]
    }

    /// The client as the server sees it behind this request.
    fn authenticated(&self, odds: &Odds) -> AuthenticatedClient {
        let client = self.client(odds);
        let tpp = tpp::Tpp {
            organisation: OrganisationId::new(client.tpp.organisation.clone()),
            legal_name: String::new(),
            roles: if odds.has_role { ALL_ROLES.to_vec() } else { vec![PaymentInitiation] },
            nca_id: String::new(),
            subject_dn: String::new(),
            alternative_names: tpp::AlternativeNames::default(),
            thumbprint: [0; 32],
            issuer: CertificateIssuer { name: String::new(), key: [0; 32] },
        };
        let params = Params::parse(encode(&[("client_id", &client.id)]).as_bytes()).unwrap();
        let presented = Credentials::read(&self.brand, None, &params).unwrap();
        match identify(Some(self.known[&client.id].clone()), &presented, &self.brand, &Presented::Qwac(Arc::new(tpp))).unwrap() {
            Identified::Proven(proof) => proof.admit(true).unwrap(),
            Identified::Asserting(_) | Identified::SelfSigned(_) => panic!("by its certificate alone"),
        }
    }

    fn request(&self, form: &[(&str, &str)]) -> TokenRequest {
        let params = Params::parse(encode(form).as_bytes()).unwrap();
        TokenRequest::parse(&params, self.brand.channel("web").unwrap(), &self.brand).unwrap()
    }

    fn grant(&self, odds: &Odds) -> Grant {
        let owner = if odds.own_client { self.client(odds) } else { &self.clients[2] };
        let scope = |text| Scope::parse(text).unwrap();
        Grant {
            id: GrantId::new(&scope(odds.hint.unwrap_or(odds.granted)), self.now, &[0; 10]),
            client: ClientId::parse(&owner.id).unwrap(),
            channel: odds.channel.to_owned(),
            scope: scope(odds.granted),
            psu: PsuReference::new("psu-1"),
            sca_at: self.now - Duration::DAY,
            expires_at: self.now + odds.ends_in,
            revoked_at: odds.revoked.then_some(self.now),
        }
    }

    async fn insert(&self, grant: &Grant, code: Option<&CodeRecord>, chain: Option<&RefreshChain>) {
        let binding = code.and_then(|code| match &code.state {
            CodeState::Unused(binding) => Some(binding.clone()),
            CodeState::Used => None,
        });
        let consumed = code.is_none_or(|code| matches!(code.state, CodeState::Used));
        sqlx::query(
            "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, revoked_at, code_digest, code_expires_at,
                                 code_consumed_at, redirect_uri, redirect_uri_sent, challenge, refresh_digest, refresh_next_digest, refresh_generation)
             values ($1, 'cic', $2, $3, $4, 'psu-1', $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .bind(grant.id.0)
        .bind(grant.client.0)
        .bind(&grant.channel)
        .bind(grant.scope.to_string())
        .bind(grant.sca_at)
        .bind(grant.expires_at)
        .bind(grant.revoked_at)
        .bind(code.map(|code| code.digest.as_bytes().to_vec()))
        .bind(code.map(|code| code.expires_at))
        .bind(consumed.then_some(grant.sca_at))
        .bind(binding.as_ref().map(|binding| binding.redirect_uri.clone()))
        .bind(binding.as_ref().map(|binding| binding.redirect_uri_sent))
        .bind(binding.and_then(|binding| Some(binding.challenge?.as_str().to_owned())))
        .bind(chain.map(|chain| chain.current.as_bytes().to_vec()))
        .bind(chain.and_then(|chain| Some(chain.next?.as_bytes().to_vec())))
        .bind(chain.map_or(0, |chain| i32::try_from(chain.generation).unwrap()))
        .execute(&self.pool)
        .await
        .unwrap();
    }

    async fn row(&self, grant: Uuid) -> Row {
        let columns = "select code_consumed_at, revoked_at, revoked_reason, refresh_digest, refresh_next_digest, refresh_generation from grants where id = $1";
        sqlx::query_as(columns).bind(grant).fetch_one(&self.pool).await.unwrap()
    }

    async fn ask(&self, odds: &Odds, form: &[(&str, &str)]) -> Reply {
        let client = self.client(odds);
        let client = if odds.has_role { client.clone() } else { client.over(&self.without_role) };
        client.token("web", form).await
    }

    /// The one thing that was written down now: kind, reason.
    async fn event(&self) -> (String, String) {
        let query = "select kind, coalesce(reason, '') from audit_events where at = $1";
        let mut events: Vec<(String, String)> = sqlx::query_as(query).bind(self.now).fetch_all(&self.pool).await.unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    async fn count_tokens(&self, grant: Uuid) -> i64 {
        sqlx::query_scalar("select count(*) from tokens where grant_id = $1").bind(grant).fetch_one(&self.pool).await.unwrap()
    }
}

/// What an issue must look like to the client and in the tables.
async fn check_issue(
    world: &World<'_>,
    case: &impl std::fmt::Debug,
    grant: &Grant,
    issue: &Issue,
    reply: Reply,
    refresh: Option<String>,
) -> Value {
    assert_eq!(reply.status, 200, "{case:?}: {reply:?}");
    let answer = reply.json();
    let until = (world.now + issue.lifetime).min(grant.expires_at);
    assert_eq!(answer["scope"], issue.scope.to_string(), "{case:?}");
    assert_eq!(answer["expires_in"], (until - world.now).whole_seconds(), "{case:?}");
    if let Some(refresh) = refresh {
        assert_eq!(answer["refresh_token"], refresh, "{case:?}");
    }
    assert_eq!(world.count_tokens(grant.id.0).await, 1, "{case:?}");
    answer
}

async fn check_refusal(world: &World<'_>, case: &impl std::fmt::Debug, grant: &Grant, refusal: TokenRefusal, reply: Reply) {
    let error = OAuthError::from(refusal);
    let told = (reply.status, reply.error(), reply.description());
    assert_eq!(told, (error.status(), error.code.as_str().to_owned(), error.description.to_string()), "{refusal:?}, {case:?}");
    assert_eq!(world.count_tokens(grant.id.0).await, 0, "{case:?}");
}

fn refused(refusal: TokenRefusal) -> (String, String) {
    ("token_refused".to_owned(), refusal.name().to_owned())
}

fn event(kind: &str) -> (String, String) {
    (kind.to_owned(), String::new())
}

async fn exchange_of(world: &World<'_>, case: &CodeOdds) -> &'static str {
    let (odds, grant) = (&case.odds, world.grant(&case.odds));
    let (handle, secret) = Handle::mint(HandleKind::Code, grant.id.0, &[1; 32]);
    let challenge = case.challenge.then(|| CodeChallenge::parse(CHALLENGE).unwrap());
    let binding = CodeBinding { redirect_uri: CALLBACK.to_owned(), redirect_uri_sent: case.redirect_uri_sent, challenge };
    let state = if case.used { CodeState::Used } else { CodeState::Unused(binding) };
    let record = CodeRecord { digest: handle.digest, grant, expires_at: world.now + case.code_ends_in, state };
    world.insert(&record.grant, Some(&record), None).await;
    let before = world.row(record.grant.id.0).await;

    let other = Handle::mint(HandleKind::Code, record.grant.id.0, &[2; 32]).1;
    let presented = if odds.right_secret { secret } else { other };
    let more = [("redirect_uri", case.redirect_uri), ("code_verifier", case.verifier), ("scope", odds.asked)];
    let form = [("grant_type", "authorization_code"), ("code", presented.reveal())];
    let form: Vec<_> = form.into_iter().chain(more.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect();
    let TokenRequest::AuthorizationCode(exchange) = world.request(&form) else { panic!("{form:?}") };
    let (client, channel) = (world.authenticated(odds), world.brand.channel("web").unwrap());
    let verdict = redeem(Some(&record), &exchange, &client, channel, &world.brand, world.now);

    let reply = world.ask(odds, &form).await;
    let (after, written) = (world.row(record.grant.id.0).await, world.event().await);
    let spent = Row { code_consumed_at: Some(world.now), ..before.clone() };
    match verdict {
        Redemption::Issue(issue) => {
            let answer = check_issue(world, case, &record.grant, &issue, reply, None).await;
            let refresh = answer["refresh_token"].as_str().map(|text| RefreshToken::parse(text).unwrap());
            assert_eq!(refresh.is_some(), issue.refresh_token, "{case:?}");
            let refresh_digest = refresh.map(|token| token.digest().as_bytes().to_vec());
            assert_eq!((after, written), (Row { refresh_digest, ..spent }, event("token_issued")), "{case:?}");
            "issue"
        }
        Redemption::Refuse(refusal) => {
            check_refusal(world, case, &record.grant, refusal, reply).await;
            assert_eq!((after, written), (before, refused(refusal)), "{case:?}");
            refusal.name()
        }
        Redemption::RefuseAndConsume(refusal) => {
            check_refusal(world, case, &record.grant, refusal, reply).await;
            assert_eq!((after, written), (spent, refused(refusal)), "{case:?}");
            refusal.name()
        }
        Redemption::RefuseAndRevoke(refusal) => {
            check_refusal(world, case, &record.grant, refusal, reply).await;
            assert_eq!((after, written), (ended(before, "code_replayed", world.now), event("code_replayed")), "{case:?}");
            refusal.name()
        }
    }
}

/// As it is after an end for this reason; what ended before stays as it ended.
fn ended(before: Row, reason: &str, now: OffsetDateTime) -> Row {
    match before.revoked_at {
        Some(_) => before,
        None => Row { revoked_at: Some(now), revoked_reason: Some(reason.to_owned()), ..before },
    }
}

async fn refresh_of(world: &World<'_>, case: &RefreshOdds) -> &'static str {
    let (odds, grant) = (&case.odds, world.grant(&case.odds));
    let first = RefreshToken::new(grant.id, [1; 32]);
    let chain: Vec<_> =
        iter::successors(Some(first), |token| Some(token.successor(&world.key))).take(case.current.max(case.presented) + 2).collect();
    let stored = RefreshChain {
        current: chain[case.current].digest(),
        next: case.told.then(|| chain[case.current + 1].digest()),
        generation: u32::try_from(case.current).unwrap(),
    };
    let record = RefreshRecord { chain: stored, grant };
    world.insert(&record.grant, None, Some(&record.chain)).await;
    let before = world.row(record.grant.id.0).await;

    let other = RefreshToken::new(record.grant.id, [2; 32]);
    let presented = if odds.right_secret { &chain[case.presented] } else { &other };
    let secret = presented.secret();
    let form = [("grant_type", "refresh_token"), ("refresh_token", secret.reveal())];
    let form: Vec<_> = form.into_iter().chain(odds.asked.map(|scope| ("scope", scope))).collect();
    let request = world.request(&form);
    let (client, channel) = (world.authenticated(odds), world.brand.channel("web").unwrap());
    let verdict = match (check_grant_type(&request, &client), &request) {
        (Err(refusal), _) => Renewal::Refuse(refusal),
        (Ok(()), TokenRequest::RefreshToken(exchange)) => {
            refresh(Some(&record), exchange, &world.key, &client, channel, &world.brand, world.now)
        }
        (Ok(()), TokenRequest::AuthorizationCode(_) | TokenRequest::ClientCredentials { .. }) => panic!("{form:?}"),
    };

    let reply = world.ask(odds, &form).await;
    let (after, written) = (world.row(record.grant.id.0).await, world.event().await);
    match verdict {
        Renewal::Issue(issue, place) => {
            let next = presented.successor(&world.key);
            let told = issue.rotate.then(|| next.secret().reveal().to_owned());
            let answer = check_issue(world, case, &record.grant, &issue, reply, told).await;
            assert_eq!(answer["refresh_token"].is_null(), !issue.rotate, "{case:?}");
            let bytes = |digest: Digest| Some(digest.as_bytes().to_vec());
            let expected = Row {
                refresh_digest: bytes(presented.digest()),
                refresh_next_digest: match (issue.rotate, place) {
                    (true, _) => bytes(next.digest()),
                    (false, Place::Next) => None,
                    (false, Place::Current | Place::Former) => before.refresh_next_digest.clone(),
                },
                refresh_generation: before.refresh_generation + i32::from(place == Place::Next),
                ..before
            };
            assert_eq!((after, written), (expected, event("token_refreshed")), "{case:?}");
            if issue.rotate { "issue, with a successor" } else { "issue" }
        }
        Renewal::Refuse(refusal) => {
            check_refusal(world, case, &record.grant, refusal, reply).await;
            assert_eq!((after, written), (before, refused(refusal)), "{case:?}");
            refusal.name()
        }
        Renewal::RefuseAndRevoke(refusal) => {
            check_refusal(world, case, &record.grant, refusal, reply).await;
            assert_eq!((after, written), (ended(before, "refresh_replayed", world.now), event("refresh_replayed")), "{case:?}");
            refusal.name()
        }
    }
}

fn rotating() -> BankOptions {
    let setting = "[brand.scope.aisp]\nrefresh_token_rotation = true\n";
    BankOptions { one_brand_extra: Some((CIC, setting.into())), ..BankOptions::default() }
}

fn every_one_was_met(met: &BTreeMap<&'static str, usize>, expected: &[&'static str]) {
    println!("{met:#?}");
    for verdict in expected {
        assert!(met.contains_key(verdict), "never met: {verdict}");
    }
}

#[tokio::test]
async fn a_code_exchange_does_what_the_core_says_whatever_is_wrong() {
    let bank = Bank::with(rotating()).await;
    let (mut world, mut runner, mut met) = (World::new(&bank).await, TestRunner::deterministic(), BTreeMap::new());
    for _ in 0..CASES {
        let case = code_odds().new_tree(&mut runner).unwrap().current();
        world.pass(Duration::SECOND);
        *met.entry(exchange_of(&world, &case).await).or_default() += 1;
    }
    let expected = [
        "issue",
        "code_unknown",
        "code_replayed",
        "code_of_other_client",
        "code_of_other_channel",
        "code_expired",
        "grant_ended",
        "other_redirect_uri",
        "verifier_wrong",
        "verifier_missing",
        "verifier_unexpected",
        "scope_not_granted",
        "role_missing",
    ];
    every_one_was_met(&met, &expected);
}

#[tokio::test]
async fn a_refresh_does_what_the_core_says_whatever_is_wrong() {
    let bank = Bank::with(rotating()).await;
    let (mut world, mut runner, mut met) = (World::new(&bank).await, TestRunner::deterministic(), BTreeMap::new());
    for _ in 0..CASES {
        let case = refresh_odds().new_tree(&mut runner).unwrap().current();
        world.pass(Duration::SECOND);
        *met.entry(refresh_of(&world, &case).await).or_default() += 1;
    }
    let expected = [
        "issue",
        "issue, with a successor",
        "refresh_token_unknown",
        "refresh_token_expired",
        "refresh_token_replayed",
        "refresh_token_of_other_client",
        "refresh_token_of_other_channel",
        "grant_type_not_registered",
        "unsupported_grant_type",
        "scope_not_granted",
        "role_missing",
    ];
    every_one_was_met(&met, &expected);
}
