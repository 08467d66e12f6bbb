//! Rows that an operation uses up: codes to exchange, tokens to revoke. Copies of one that the program wrote, under other ids.

use crate::{
    CONNECTIONS,
    harness::sql::execute,
    site::{Caller, Site},
};
use guichet::oauth::secret::{Handle, HandleKind};
use uuid::Uuid;

/// For each connection in one round; the round ends before they do.
pub const PER_CONNECTION: u32 = 4000;
/// The secret half of every copied code and token.
const SECRET: [u8; 32] = [7; 32];

/// What an id made here is for, so that no two are the same.
#[derive(Clone, Copy)]
pub enum Space {
    Grant = 1,
    Code = 2,
    Token = 3,
}

/// The id with this place among all: ids of one connection are in order, as the program's own are in order of time.
pub fn id(space: Space, round: u32, connection: usize, n: u32) -> Uuid {
    let connection = u16::try_from(connection).unwrap();
    Uuid::from_fields(round, space as u16, connection, &u64::from(n).to_be_bytes())
}

/// The same in SQL; `connection` and `n` are expressions.
pub fn id_sql(space: u16, round: u32, connection: &str, n: &str) -> String {
    format!("('{round:08x}{space:04x}' || lpad(to_hex({connection}), 4, '0') || lpad(to_hex({n}), 16, '0'))::uuid")
}

/// A code or token that a client can present.
pub fn secret_text(kind: HandleKind, id: Uuid) -> String {
    Handle::mint(kind, id, &SECRET).1.reveal().to_owned()
}

fn copies(site: &Site, space: Space, round: u32) -> (String, String, String) {
    let clients: Vec<_> = site.callers.iter().map(|c: &Caller| format!("'{}'", c.client_id)).collect();
    let numbers = format!("generate_series(0, {}) as c, generate_series(1, {PER_CONNECTION}) as n", CONNECTIONS - 1);
    (id_sql(space as u16, round, "c", "n"), format!("(array[{}])[c + 1]", clients.join(", ")), numbers)
}

fn digest(kind: HandleKind) -> String {
    let hex: String = Handle::mint(kind, Uuid::nil(), &SECRET).0.digest.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("'\\x{hex}'")
}

/// Unused codes with a grant each, for one round.
pub async fn codes(site: &mut Site, round: u32) {
    let (grant, client, numbers) = copies(site, Space::Grant, round);
    let (code, _, _) = copies(site, Space::Code, round);
    let (template, digest) = (site.template_code, digest(HandleKind::Code));
    let statement = format!(
        "insert into grants select (jsonb_populate_record(g, jsonb_build_object('id', {grant}, 'client_id', {client}))).*
         from codes t join grants g on g.id = t.grant_id, {numbers} where t.id = '{template}';
         insert into codes select (jsonb_populate_record(t, jsonb_build_object('id', {code}, 'grant_id', {grant}, 'digest', {digest},
                                                                               'expires_at', now() + interval '1 hour'))).*
         from codes t, {numbers} where t.id = '{template}'"
    );
    execute(&mut site.sql, statement).await;
}

/// Access tokens of client_credentials, for one round.
pub async fn tokens(site: &mut Site, round: u32) {
    let (token, client, numbers) = copies(site, Space::Token, round);
    let (template, digest) = (site.template_token, digest(HandleKind::AccessToken));
    let statement = format!(
        "insert into tokens select (jsonb_populate_record(t, jsonb_build_object('id', {token}, 'client_id', {client}, 'digest', {digest}))).*
         from tokens t, {numbers} where t.id = '{template}'"
    );
    execute(&mut site.sql, statement).await;
}
