//! The administrative part of the internal counter: for the bank's back office.

mod acts;
mod blocks;
mod clients;
mod grants;
mod journeys;
mod keys;
mod organisations;
mod parts;
mod sweeps;

use super::{
    parts::{Documented, object, required, word},
    with,
};
use crate::http::admin::{NoticedOrder, PlainOrder};
use utoipa::openapi::{ComponentsBuilder, ObjectBuilder};

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    let subjects = [
        clients::schemas,
        grants::schemas,
        journeys::schemas,
        organisations::schemas,
        blocks::schemas,
        sweeps::schemas,
        keys::schemas,
        acts::schemas,
    ];
    let components = with::<NoticedOrder>(with::<PlainOrder>(components)).schema("ActDone", done_schema());
    subjects.into_iter().fold(components, |components, schemas| schemas(components))
}

/// Method, path and operation of each.
pub fn all() -> Vec<Documented> {
    let subjects = [clients::all, grants::all, journeys::all, organisations::all, blocks::all, sweeps::all, keys::all, acts::all];
    subjects.into_iter().flat_map(|all| all()).collect()
}

/// What an act came to: its word, and what it is about.
fn done_schema() -> ObjectBuilder {
    let words = [
        "blocked",
        "blocked_before",
        "lifted",
        "lifted_before",
        "grant_ended",
        "grant_ended_before",
        "sweep_begun",
        "held",
        "held_before",
        "merged",
        "rotated",
        "retired",
        "retired_before",
    ];
    object(
        "What was done. Beside `done` stands what it is about: `block`, `grant`, `sweep`, `client`, `merge` or `key`. `.._before`: it was so, and stays.",
        [required("done", word("What was done.", words))],
    )
}
