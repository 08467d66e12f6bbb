//! How many pages PostgreSQL touches for each statement: what grows with a tree's height, and with nothing else.

use crate::{figures::power, harness::hot::Example, site::Site};
use guichet::storage::TokenStatement;

/// Executions of each statement, each about another token and grant.
const EXAMPLES: usize = 20;

/// Asserts the shape of the plans, too.
pub async fn print(sites: &mut [Site]) {
    println!("\n| statement | live tokens | pages, median | most |\n|---|---|---|---|");
    for statement in TokenStatement::ALL {
        for site in &mut *sites {
            let mut pages = vec![];
            for _ in 0..EXAMPLES {
                let hot = Example::draw(&site.mass, &mut site.db).await.of(statement, false);
                let done = hot.run(&mut site.db).await;
                assert_eq!(hot.faults(&done), Vec::<String>::new(), "{statement:?} at {} tokens", site.mass.tokens);
                pages.push(done.pages());
            }
            pages.sort_unstable();
            println!("| {statement:?} | {} | {} | {} |", power(site.mass.tokens), pages[EXAMPLES / 2], pages[EXAMPLES - 1]);
        }
    }
}
