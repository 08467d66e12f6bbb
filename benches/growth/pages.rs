//! How many pages PostgreSQL touches for each statement: what grows with a tree's height, and with nothing else. Introspection of
//! several tokens is of twenty, from all tables.

use crate::{figures::power, harness::hot::Example, site::Site};
use guichet::storage::TokenStatement;

/// Executions of each statement, each about another token and grant.
const EXAMPLES: usize = 20;

/// In a smaller set another way may be as short.
const ASSERTED: i64 = 10_000;

/// Asserts the shape of the plans, too.
pub async fn print(sites: &mut [Site]) {
    println!("\n| statement | live tokens | pages, median | most |\n|---|---|---|---|");
    for statement in TokenStatement::ALL {
        for site in &mut *sites {
            let mut pages = vec![];
            for _ in 0..EXAMPLES {
                let hot = Example::draw(&site.mass, &mut site.db).await.of(statement, statement == TokenStatement::IntrospectEach);
                let done = hot.run(&mut site.db).await;
                let faults = hot.faults(&done);
                assert!(faults.is_empty() || site.mass.tokens < ASSERTED, "{statement:?} at {} tokens: {faults:?}", site.mass.tokens);
                pages.push(done.pages());
            }
            pages.sort_unstable();
            println!("| {statement:?} | {} | {} | {} |", power(site.mass.tokens), pages[EXAMPLES / 2], pages[EXAMPLES - 1]);
        }
    }
}
