//! The bank's signing keys.

use super::parts::{BY, acted, finish, get, path, post};
use crate::{
    http::{
        admin::{KeyList, RotateOrder},
        openapi::{
            parts::{Documented, body_of, json_answer, operation},
            with,
        },
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{ComponentsBuilder, path::Operation};

const TAG: &str = "Administration: keys";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<KeyList>(with::<RotateOrder>(components))
}

pub fn all() -> Vec<Documented> {
    vec![get("/v1/admin/keys", list()), post("/v1/admin/keys/rotate", rotate()), post("/v1/admin/keys/{kid}/retire", retire())]
}

fn list() -> Operation {
    let description =
        "The bank's signing keys, public facts only: of files, then of the database in the order in which they sign, retired ones last.";
    let operation = operation("listKeys", TAG, "List signing keys", description)
        .response("200", json_answer("The keys.", "KeyList", [("keys", json!({ "keys": [example("active")] }))]));
    finish(operation, [], [], false)
}

fn rotate() -> Operation {
    let description = "Makes the next key: published from now on, it signs after `signing.overlap_hours`; the one before it is published as long after \
                       its last use. `at_once`: the next key, or a new one, signs now.";
    let operation = operation("rotateKeys", TAG, "Rotate", description).request_body(Some(body_of("How, and why.", "RotateOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "rotated", json!({ "done": "rotated", "key": example("next") })),
        [by, why, OAuthError::NEXT_KEY_THERE, OAuthError::NO_WRAPPING_KEY, OAuthError::TOO_MANY_KEYS],
        [],
        true,
    )
}

fn retire() -> Operation {
    let description = "Takes a key out of the published set now: a next one, or one that signs no more. Its private half is destroyed. Again changes \
                       nothing.";
    let operation = operation("retireKey", TAG, "Retire a key", description)
        .parameter(path("kid", "The key."))
        .request_body(Some(body_of("Why.", "PlainOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "retired", json!({ "done": "retired", "key": example("retired") })),
        [by, why, OAuthError::KEY_SIGNS],
        [OAuthError::NO_SUCH_KEY],
        true,
    )
}

fn example(state: &str) -> Value {
    json!({
        "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "algorithm": "ES256",
        "state": state,
        "made_at": "2026-11-28T09:00:00Z",
        "made_by": "Ines Moreau (root)",
        "signs_from": "2026-11-30T09:00:00Z",
        "can_sign": true,
    })
}
