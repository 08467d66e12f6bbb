//! The requests of each operation, about tokens and grants from all over a data set.

use crate::{
    CONNECTIONS,
    harness::{
        CIC,
        mass::{Drawn, LARGE_CLIENTS, Mass, digest, organisation, presented},
        sql::execute,
        tpp::{CALLBACK, CHALLENGE, VERIFIER},
    },
    operation::Operation,
    site::Site,
    wire::{Target, post},
};
use guichet::{
    clock::{Clock, System},
    oauth::{
        grant::GrantId,
        scope::{Scope, ScopeToken},
        secret::HandleKind,
    },
};
use sqlx::PgConnection;
use std::collections::HashSet;
use time::Duration;

/// Drawn for one measurement. A connection that has asked for all of its own begins again.
const DRAWN: usize = 40_000;
/// For each connection, of what can be presented once.
const ONCE: usize = 256;

/// What one connection sends, one after the other.
pub struct Line {
    pub target: Target,
    pub requests: Vec<Vec<u8>>,
}

/// For each connection. What can be presented once ends; the rest may be sent again from the beginning.
pub async fn lines(site: &mut Site, operation: Operation) -> Vec<Line> {
    let requests = match operation {
        Operation::ClientCredentials => {
            by_owner(site, (0..LARGE_CLIENTS).map(|client| Drawn { client, id: site.clients[client as usize] }), |site, drawn| {
                ask(site, drawn.client, token_path(), &[("grant_type", "client_credentials"), ("scope", "pisp")])
            })
        }
        Operation::Refresh => {
            let drawn = site.mass.draw_grants(&mut site.db, DRAWN).await;
            by_owner(site, drawn, |site, drawn| {
                let token = presented(HandleKind::RefreshToken, drawn.id);
                ask(site, drawn.client, token_path(), &[("grant_type", "refresh_token"), ("refresh_token", &token)])
            })
        }
        Operation::Introspection => {
            let path = format!("/brands/{}/introspect", CIC.id);
            let drawn = site.mass.draw_tokens(&mut site.db, DRAWN).await;
            let request = |drawn: &Drawn| post(site.gateway.host, &path, &[("token", &presented(HandleKind::AccessToken, drawn.id))]);
            let requests: Vec<_> = drawn.iter().map(request).collect();
            requests.chunks(requests.len().div_ceil(CONNECTIONS)).map(<[_]>::to_vec).collect()
        }
        Operation::CodeExchange => {
            let drawn = codes(site).await;
            by_owner(site, drawn, |site, drawn| {
                let code = presented(HandleKind::Code, drawn.id);
                let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
                ask(site, drawn.client, token_path(), &form)
            })
        }
        Operation::Revocation => {
            let drawn = site.mass.draw_tokens(&mut site.db, DRAWN).await;
            let (mut seen, mut each) = (HashSet::new(), [0; CONNECTIONS]);
            let mut once = |drawn: &Drawn| {
                let Some(of_connection) = each.get_mut(connection(drawn.client)) else { return false };
                let wanted = *of_connection < ONCE && seen.insert(drawn.id);
                *of_connection += usize::from(wanted);
                wanted
            };
            let drawn: Vec<_> = drawn.into_iter().filter(|drawn| once(drawn)).collect();
            site.revoked.extend(drawn.iter().map(|drawn| drawn.id));
            by_owner(site, drawn, |site, drawn| {
                ask(site, drawn.client, CIC.revocation, &[("token", &presented(HandleKind::AccessToken, drawn.id))])
            })
        }
    };
    let target = |connection: usize| if operation == Operation::Introspection { &site.gateway } else { &site.tpps[connection] };
    requests.into_iter().enumerate().map(|(connection, requests)| Line { target: target(connection).clone(), requests }).collect()
}

fn token_path() -> &'static str {
    CIC.channel("web").2
}

/// The connection of a large client's organisation; beyond the last: a client that does not ask here.
fn connection(client: u32) -> usize {
    if client < LARGE_CLIENTS { client as usize / 2 } else { CONNECTIONS }
}

fn by_owner(site: &Site, drawn: impl IntoIterator<Item = Drawn>, request: impl Fn(&Site, &Drawn) -> Vec<u8>) -> Vec<Vec<Vec<u8>>> {
    let mut of_connections = vec![vec![]; CONNECTIONS];
    for drawn in drawn {
        if let Some(requests) = of_connections.get_mut(connection(drawn.client)) {
            requests.push(request(site, &drawn));
        }
    }
    of_connections
}

fn ask(site: &Site, client: u32, path: &str, form: &[(&str, &str)]) -> Vec<u8> {
    let id = site.clients[client as usize].to_string();
    let form: Vec<_> = form.iter().copied().chain([("client_id", id.as_str())]).collect();
    post(CIC.tpp_host, path, &form)
}

/// Grants of this moment whose codes nobody fetched yet, in no order.
async fn codes(site: &mut Site) -> Vec<Drawn> {
    let (now, scope): (_, Scope) = (System::new().now(), [ScopeToken::Aisp].into_iter().collect());
    let count = CONNECTIONS * ONCE;
    let drawn: Vec<_> = (0..count)
        .map(|n| {
            let mut random = [0; 10];
            random[2..].copy_from_slice(&(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let client = u32::try_from(n).unwrap() % LARGE_CLIENTS;
            // one a millisecond, up to now
            let given = now - Duration::milliseconds((count - n) as i64);
            Drawn { client, id: GrantId::new(&scope, given, &random).0 }
        })
        .collect();
    let rows: Vec<_> = drawn.iter().map(|d| format!("('{}'::uuid, '{}'::uuid)", d.id, site.clients[d.client as usize])).collect();
    let statement = format!(
        "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, sca_method,
                             code_digest, code_expires_at, redirect_uri, redirect_uri_sent, challenge)
         select id, '{}', client_id, 'web', 'aisp', 'psu' || id, now(), now(), now() + interval '180 days', 'app',
                {}, now() + interval '1 minute', '{CALLBACK}', true, '{CHALLENGE}'
         from (values {}) v(id, client_id)",
        site.mass.brand,
        digest(HandleKind::Code),
        rows.join(", "),
    );
    execute(&mut site.db, statement).await;
    drawn
}

/// Something to try by hand.
pub async fn print_samples(mass: &Mass, db: &mut PgConnection) {
    let clients = mass.client_ids(db).await;
    let (tokens, grants) = (mass.draw_tokens(db, 1000).await, mass.draw_grants(db, 1000).await);
    println!("\n| organisation of the QWAC | client_id | access token | refresh token |\n|---|---|---|---|");
    for o in 0..3 {
        let of = |drawn: &[Drawn], kind| drawn.iter().find(|d| d.client == 2 * o).map_or_else(String::new, |d| presented(kind, d.id));
        let (access, refresh) = (of(&tokens, HandleKind::AccessToken), of(&grants, HandleKind::RefreshToken));
        println!("| {} | {} | {access} | {refresh} |", organisation(o), clients[2 * o as usize]);
    }
}
