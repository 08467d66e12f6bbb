//! RFC 9126: an authorization request that comes from the client itself, over mutual TLS, before its customer's browser.

use super::{
    Answer, Caller, answer,
    client::{Reading, authenticate},
    request_object,
};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        practice::Practice,
        pushed::{self, PushRefusal, PushedResponse},
    },
    storage::Outage,
};

/// Kept, and its name. A refusal rests on a fresh reading of the client and is kept, as at the token endpoint.
pub async fn push(app: &App, caller: &Caller) -> Answer<PushedResponse> {
    let (brand, now) = (&caller.brand, app.clock.now());
    let signs = answer::signs(app, brand, now);
    for reading in [Reading::Remembered, Reading::Fresh] {
        let client = match authenticate(app, caller, reading).await? {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let asked = request_object::open(app, brand, client.client(), &caller.params, now).await;
        let admitted = asked.map_err(PushRefusal::Object).and_then(|asked| pushed::admit(&asked, client.client(), brand, signs));
        let params = match admitted {
            Ok(params) => params,
            Err(_) if reading == Reading::Remembered => continue,
            Err(refusal) => {
                let event = app.event(now, brand, AuditKind::PushRefused).client(client.client().id);
                app.db.record(&event.organisation(client.organisation()).reason(refusal.name())).await?;
                return Ok(Err(refusal.into()));
            }
        };
        let lifetime = brand.pushed_request_lifetime;
        let (handle, request_uri) = pushed::mint(app.entropy.uuid(now), &app.entropy.bytes());
        if app.db.keep_pushed_request(client.client(), &handle, &params, now + lifetime).await? {
            let named = params.get("redirect_uri").is_some();
            app.practices.note(client.client().id, [if named { Practice::RedirectPushed } else { Practice::RedirectNotPushed }], now);
            return Ok(Ok(PushedResponse { request_uri, expires_in: lifetime.whole_seconds() }));
        }
    }
    Err(Outage::contended("the client kept changing"))
}
