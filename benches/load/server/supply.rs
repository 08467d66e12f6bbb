//! Rows that an operation spends: codes to exchange, tokens to revoke. Copies of one that the program wrote, under other ids.

use super::Server;
use crate::{
    harness::sql::execute,
    ids::{Lot, Space, id_sql, rows_sql},
};
use guichet::oauth::secret::{Handle, HandleKind};
use uuid::Uuid;

/// The secret half of every copied code and token.
const SECRET: [u8; 32] = [7; 32];

/// A code or token that a client can present.
pub fn secret_text(kind: HandleKind, id: Uuid) -> String {
    Handle::mint(kind, id, &SECRET).1.reveal().to_owned()
}

fn digest(kind: HandleKind) -> String {
    format!("'{}'", super::hex(Handle::mint(kind, Uuid::nil(), &SECRET).0.digest.as_bytes()))
}

fn client(server: &Server) -> String {
    let clients: Vec<_> = server.callers.iter().map(|caller| format!("'{}'", caller.client)).collect();
    format!("(array[{}])[c + 1]", clients.join(", "))
}

/// Grants with an unused code.
pub async fn codes(server: &mut Server, lot: Lot) {
    let (id, client, rows) = (id_sql(server.template_grant, Space::GRANT, lot, "c", "n"), client(server), rows_sql(lot));
    let (template, digest) = (server.template_grant, digest(HandleKind::Code));
    let statement = format!(
        "insert into grants select (jsonb_populate_record(g, jsonb_build_object(
             'id', {id}, 'client_id', {client}, 'code_digest', {digest}, 'code_expires_at', now() + interval '1 hour'))).*
         from grants g, {rows} where g.id = '{template}'"
    );
    execute(&mut server.sql, statement).await;
}

/// Access tokens of client_credentials.
pub async fn tokens(server: &mut Server, lot: Lot) {
    let (id, client, rows) = (id_sql(server.template_token, Space::TOKEN, lot, "c", "n"), client(server), rows_sql(lot));
    let (template, digest) = (server.template_token, digest(HandleKind::AccessToken));
    let statement = format!(
        "insert into tokens select (jsonb_populate_record(t, jsonb_build_object('id', {id}, 'client_id', {client}, 'digest', {digest}))).*
         from tokens t, {rows} where t.id = '{template}'"
    );
    execute(&mut server.sql, statement).await;
}
