//! The child: one table each for clients, grants and tokens, one for what is written down; one statement an operation.

use super::Connections;
use crate::acceptor::{acceptor, issued_by};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::ValueEnum;
use http::{StatusCode, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    path::Path,
    str::FromStr,
    sync::{Arc, Mutex},
};
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;
use url::form_urlencoded;
use uuid::Uuid;

pub const SCHEMA: &str = "
    create table clients (id uuid primary key, organisation text not null);
    create table grants (
        id uuid primary key,
        client_id uuid not null,
        scope text not null,
        psu text not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        revoked_at timestamptz,
        code_digest bytea,
        code_expires_at timestamptz,
        code_consumed_at timestamptz,
        redirect_uri text,
        challenge text,
        refresh_digest bytea
    );
    create table tokens (
        id uuid primary key,
        client_id uuid not null,
        grant_id uuid,
        issued_at timestamptz not null,
        expires_at timestamptz not null,
        revoked_at timestamptz,
        digest bytea not null,
        scope text not null
    );
    create table audit_events (
        id uuid primary key,
        at timestamptz not null,
        kind text not null,
        client_id uuid,
        organisation text,
        grant_id uuid
    )";

const CLIENT_CREDENTIALS: &str = "
    with client as (select id, organisation from clients where id = $4),
    token as (
        insert into tokens (id, digest, scope, client_id, issued_at, expires_at) select $1, $2, $3, id, $5, $6 from client returning 1),
    audit as (
        insert into audit_events (id, at, kind, client_id, organisation) select $7, $5, 'issued', id, organisation from client)
    select count(*) from token";

const CODE_EXCHANGE: &str = "
    with client as (select id, organisation from clients where id = $3),
    granted as (
        update grants g set code_consumed_at = $4, refresh_digest = $10 from client
        where g.id = $7 and g.client_id = client.id and g.code_digest = $8 and g.code_consumed_at is null and g.code_expires_at > $4
          and g.redirect_uri = $9 and g.challenge = $11 and g.revoked_at is null and g.expires_at > $4
        returning g.id, g.client_id, g.scope, client.organisation),
    token as (
        insert into tokens (id, digest, client_id, issued_at, expires_at, grant_id, scope)
        select $1, $2, client_id, $4, $5, id, scope from granted returning scope),
    audit as (
        insert into audit_events (id, at, kind, client_id, organisation, grant_id)
        select $6, $4, 'issued', client_id, organisation, id from granted)
    select scope from token";

const REFRESH: &str = "
    with granted as (
        select g.id, g.client_id, g.scope, c.organisation from grants g join clients c on c.id = g.client_id
        where g.id = $7 and g.client_id = $3 and g.refresh_digest = $8 and g.revoked_at is null and g.expires_at > $4),
    token as (
        insert into tokens (id, digest, client_id, issued_at, expires_at, grant_id, scope)
        select $1, $2, client_id, $4, $5, id, scope from granted returning scope),
    audit as (
        insert into audit_events (id, at, kind, client_id, organisation, grant_id)
        select $6, $4, 'issued', client_id, organisation, id from granted)
    select scope from token";

const INTROSPECTION: &str = "
    select t.client_id, t.scope, t.issued_at, t.expires_at, c.organisation, g.psu
    from tokens t join clients c on c.id = t.client_id left join grants g on g.id = t.grant_id
    where t.id = $1 and t.digest = $2 and t.expires_at > $3 and t.revoked_at is null and g.revoked_at is null";

const REVOCATION: &str = "
    with token as (
        update tokens set revoked_at = $4 where id = $1 and digest = $2 and client_id = $3 and revoked_at is null returning client_id)
    insert into audit_events (id, at, kind, client_id) select $5, $4, 'revoked', client_id from token";

const LIFETIME: Duration = Duration::hours(3);

/// Connections to PostgreSQL at most: as many as the program has by default.
const MOST: u32 = 20;

/// Address, database, how connections are held, certificate, key, authorities of clients.
pub fn serve(arguments: &[String]) {
    let [address, database, connections, certificate, key, authorities @ ..] = arguments else { panic!("{arguments:?}") };
    let connections = Connections::from_str(connections, false).unwrap();
    let acceptor = acceptor(Path::new(certificate), Path::new(key), issued_by(authorities));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let router = router(Db::new(PgConnectOptions::from_str(database).unwrap(), connections));
        let listener = TcpListener::bind(address).await.unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                socket.set_nodelay(true).unwrap();
                // who hangs up early is no fault
                let Ok(stream) = acceptor.accept(socket).await else { return };
                let service = TowerToHyperService::new(router);
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

fn router(db: Db) -> Router {
    Router::new()
        .route("/sandbox/cic/oauth2/token", post(token))
        .route("/sandbox/cic/oauth2/revoke", post(revoke))
        .route("/brands/cic/introspect", post(introspect))
        .with_state(Arc::new(db))
}

enum Db {
    Pooled(PgPool),
    Held { options: Box<PgConnectOptions>, idle: Mutex<Vec<PgConnection>> },
}

enum Connection {
    Pooled(PoolConnection<Postgres>),
    Held(PgConnection),
}

impl Db {
    fn new(options: PgConnectOptions, connections: Connections) -> Self {
        let options = options.options([("plan_cache_mode", "force_generic_plan")]);
        match connections {
            Connections::Pooled => Self::Pooled(PgPoolOptions::new().max_connections(MOST).connect_lazy_with(options)),
            Connections::Held => Self::Held { options: Box::new(options), idle: Mutex::default() },
        }
    }

    async fn take(&self) -> sqlx::Result<Connection> {
        match self {
            Self::Pooled(pool) => Ok(Connection::Pooled(pool.acquire().await?)),
            Self::Held { options, idle } => {
                let kept = idle.lock().unwrap().pop();
                Ok(Connection::Held(match kept {
                    Some(connection) => connection,
                    None => PgConnection::connect_with(options).await?,
                }))
            }
        }
    }

    /// After a statement that went well.
    fn keep(&self, connection: Connection) {
        match (self, connection) {
            (Self::Held { idle, .. }, Connection::Held(connection)) => idle.lock().unwrap().push(connection),
            // dropped, it goes back by itself
            (Self::Pooled(_) | Self::Held { .. }, Connection::Pooled(_) | Connection::Held(_)) => {}
        }
    }
}

impl Connection {
    fn get(&mut self) -> &mut PgConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Held(connection) => connection,
        }
    }
}

/// What is answered instead of what was asked for.
enum Failure {
    Request(&'static str),
    Database,
}

impl From<sqlx::Error> for Failure {
    fn from(_: sqlx::Error) -> Self {
        Self::Database
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Request(error) => (StatusCode::BAD_REQUEST, Json(Refused { error })).into_response(),
            Self::Database => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

#[derive(Serialize)]
struct Refused {
    error: &'static str,
}

#[derive(Serialize)]
struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

#[derive(Serialize)]
struct Introspected {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
}

#[derive(Serialize)]
struct Token {
    client_id: Uuid,
    scope: String,
    iat: i64,
    exp: i64,
    organisation: String,
    sub: Option<String>,
}

type Row = (Uuid, String, OffsetDateTime, OffsetDateTime, String, Option<String>);

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    fn get(&self, name: &str) -> Result<&str, Failure> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).ok_or(Failure::Request("invalid_request"))
    }

    fn client(&self) -> Result<Uuid, Failure> {
        self.get("client_id")?.parse().map_err(|_| Failure::Request("invalid_client"))
    }

    fn handle(&self, name: &str) -> Result<(Uuid, [u8; 32]), Failure> {
        read(self.get(name)?).ok_or(Failure::Request("invalid_grant"))
    }
}

/// An id and a secret, as the client sees them.
pub fn handle(id: Uuid, secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode([id.as_bytes(), &secret[..]].concat())
}

/// What is stored of a secret.
pub fn digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn read(handle: &str) -> Option<(Uuid, [u8; 32])> {
    let bytes: [u8; 48] = URL_SAFE_NO_PAD.decode(handle).ok()?.try_into().ok()?;
    let (id, secret) = bytes.split_at(16);
    Some((Uuid::from_slice(id).ok()?, digest(secret)))
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

#[expect(clippy::disallowed_methods, reason = "the ban is the program's: there, time enters at the top of a flow")]
fn id() -> Uuid {
    Uuid::now_v7()
}

#[expect(clippy::disallowed_methods, reason = "the ban is the program's: there, time enters at the top of a flow")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

async fn token(State(db): State<Arc<Db>>, body: Bytes) -> Result<Response, Failure> {
    let form = Form::parse(&body);
    let (client, now, id, secret) = (form.client()?, now(), id(), random());
    let (digest_of_token, expires_at, event) = (digest(&secret), now + LIFETIME, self::id());
    let mut connection = db.take().await?;
    let (scope, refresh_token) = match form.get("grant_type")? {
        "client_credentials" => {
            let scope = form.get("scope")?;
            let statement = sqlx::query_scalar(CLIENT_CREDENTIALS).bind(id).bind(digest_of_token).bind(scope).bind(client);
            let issued: i64 = statement.bind(now).bind(expires_at).bind(event).fetch_one(connection.get()).await?;
            ((issued == 1).then(|| scope.to_owned()), None)
        }
        "authorization_code" => {
            let (grant, code) = form.handle("code")?;
            let (refresh, challenge) = (random(), URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")?)));
            let statement = sqlx::query_scalar(CODE_EXCHANGE).bind(id).bind(digest_of_token).bind(client).bind(now).bind(expires_at);
            let statement =
                statement.bind(event).bind(grant).bind(code).bind(form.get("redirect_uri")?).bind(digest(&refresh)).bind(challenge);
            (statement.fetch_optional(connection.get()).await?, Some(handle(grant, &refresh)))
        }
        "refresh_token" => {
            let (grant, token) = form.handle("refresh_token")?;
            let statement = sqlx::query_scalar(REFRESH).bind(id).bind(digest_of_token).bind(client).bind(now).bind(expires_at);
            (statement.bind(event).bind(grant).bind(token).fetch_optional(connection.get()).await?, None)
        }
        _ => return Err(Failure::Request("unsupported_grant_type")),
    };
    db.keep(connection);
    let scope = scope.ok_or(Failure::Request("invalid_grant"))?;
    let access_token = handle(id, &secret);
    let issued = Issued { access_token, token_type: "Bearer", expires_in: LIFETIME.whole_seconds(), scope, refresh_token };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(issued)).into_response())
}

async fn introspect(State(db): State<Arc<Db>>, body: Bytes) -> Result<Json<Introspected>, Failure> {
    let (id, digest) = Form::parse(&body).handle("token")?;
    let mut connection = db.take().await?;
    let row: Option<Row> = sqlx::query_as(INTROSPECTION).bind(id).bind(digest).bind(now()).fetch_optional(connection.get()).await?;
    db.keep(connection);
    let token = row.map(|(client_id, scope, issued_at, expires_at, organisation, sub)| Token {
        client_id,
        scope,
        iat: issued_at.unix_timestamp(),
        exp: expires_at.unix_timestamp(),
        organisation,
        sub,
    });
    Ok(Json(Introspected { active: token.is_some(), token }))
}

async fn revoke(State(db): State<Arc<Db>>, body: Bytes) -> Result<StatusCode, Failure> {
    let form = Form::parse(&body);
    let (token, digest) = form.handle("token")?;
    let mut connection = db.take().await?;
    let statement = sqlx::query(REVOCATION).bind(token).bind(digest).bind(form.client()?).bind(now()).bind(id());
    statement.execute(connection.get()).await?;
    db.keep(connection);
    Ok(StatusCode::OK)
}
