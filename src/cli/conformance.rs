//! What `guichet client conformance` prints.

use super::table::{print_facts, print_table};
use crate::{
    admin::{ConformancePage, LineView},
    oauth::conformance::Whose,
};

/// Brands first, then each client.
pub(super) fn report(page: &ConformancePage) {
    let head = ["line", "finding", "what it asks for", "why"];
    say!("seen since {}", page.since.date());
    for brand in &page.brands {
        let offers =
            if brand.offers_fapi2 { "may be held to fapi2" } else { "cannot be held to fapi2: `[brand.security]` does not offer it" };
        say!("\nbrand {}: clients {offers}", brand.brand);
        print_table(&head, brand.lines.iter().map(line).collect());
    }
    for client in &page.clients {
        let listed = |lines: &[&str]| if lines.is_empty() { "nothing".to_owned() } else { lines.join(" ") };
        say!("");
        print_facts(&[
            ("client", Some(format!("{} {}", client.client_id, client.client_name))),
            ("brand", Some(client.brand.clone())),
            ("organisation", Some(client.organisation.to_string())),
            ("held to", Some(format!("{}{}", client.security_profile.name(), if client.held_to.is_some() { ", by the bank" } else { "" }))),
            ("its software lacks", Some(listed(&client.lacks))),
            ("not seen yet", Some(listed(&client.not_seen_yet))),
        ]);
        print_table(&head, client.lines.iter().map(line).collect());
    }
    if let Some(next) = page.next {
        say!("more: --after {next}");
    }
}

fn line(line: &LineView) -> Vec<String> {
    let whose = match line.whose {
        None => "",
        Some(Whose::Tpp) => " (TPP)",
        Some(Whose::Profile) => " (until held to fapi2)",
        Some(Whose::Bank) => " (bank)",
    };
    vec![line.line.to_owned(), format!("{}{whose}", line.finding.replace('_', " ")), line.asks.to_owned(), line.why.clone()]
}
