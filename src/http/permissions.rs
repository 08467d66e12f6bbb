//! The page that stands ready for a customer whom the bank sends: what he has allowed, and how he ends it.

use super::{
    authorize::{accept_language, cookie, request_id},
    body,
    grants::holder,
    respond::{self, notice},
    site::Site,
};
use crate::{
    flows::{
        Outage,
        permissions::{self, Found, Withdrawal},
    },
    oauth::{
        brand::Lang,
        grant::GrantId,
        params::Params,
        permission::{Permission, PermissionState, Withdrawer},
        secret::{Handle, HandleKind, Secret},
        visit::{LONGEST, Visit, VisitKey},
    },
    pages::{
        CalendarDate, EndedView, NoticeKind, OnePermission, PermissionList, PermissionView, Permissions, PermissionsClosed, negotiate,
    },
    telemetry::request,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Another one than a journey's: neither is worth anything in the other's place.
const COOKIE: &str = "__Host-guichet-permissions";
/// Of one list.
const MOST_ACTIVE: i64 = 50;
const MOST_ENDED: i64 = 20;

/// `GET /{brand}/permissions/open/{link}`, where the bank sends the browser. The secret leaves the address bar at once.
pub async fn open(State(site): State<Arc<Site>>, Path(link): Path<String>, request: Request<Body>) -> Response {
    let caller = Caller::new(&site, &request);
    // a look at the headers must not use the link up
    if request.method() == Method::HEAD {
        return caller.notice(StatusCode::METHOD_NOT_ALLOWED, NoticeKind::MethodNotAllowed);
    }
    let Some(link) = Handle::parse(HandleKind::PermissionsLink, &link) else { return caller.closed(PermissionsClosed::Link) };
    match permissions::open(&site.app, &site.brand, &link, caller.key.as_ref()).await {
        Ok(Ok(key)) => {
            let mut response = respond::see_other(&overview(&site));
            if let Some(key) = key {
                set_cookie(&mut response, &key);
            }
            response
        }
        Ok(Err(_)) => caller.closed(PermissionsClosed::Link),
        Err(outage) => caller.outage(&outage),
    }
}

/// `GET /{brand}/permissions`: what is alive, and what ended last. `state` and `after` page through one of the two.
pub async fn list(State(site): State<Arc<Site>>, request: Request<Body>) -> Response {
    let caller = Caller::new(&site, &request);
    let Some((only, after)) = read_query(request.uri().query().unwrap_or_default()) else {
        return caller.notice(StatusCode::BAD_REQUEST, NoticeKind::MalformedRequest);
    };
    match caller.list(only, after).await {
        Ok(response) => response,
        Err(outage) => caller.outage(&outage),
    }
}

fn read_query(query: &str) -> Option<(Option<PermissionState>, Option<GrantId>)> {
    let params = Params::parse(query.as_bytes()).ok()?;
    let only = match params.get("state") {
        None => None,
        Some("active") => Some(PermissionState::Active),
        Some("ended") => Some(PermissionState::Ended),
        Some(_) => return None,
    };
    let after = params.get("after").map(Uuid::try_parse).transpose().ok()?;
    Some((only, after.map(GrantId)))
}

/// `GET /{brand}/permissions/{id}`: one of them, with the question whether to end it.
pub async fn one(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let caller = Caller::new(&site, &request);
    match caller.one(&id).await {
        Ok(response) => response,
        Err(outage) => caller.outage(&outage),
    }
}

/// `POST /{brand}/permissions/{id}`: ends it. The answer is the same page again, which now says so: a reload repeats nothing, and
/// the back button shows how things stand.
pub async fn end(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let caller = Caller::new(&site, &request);
    let form = match body::form(request, site.limits.body).await {
        Ok(form) => form,
        Err(error) => {
            let kind = if error.status() == 413 { NoticeKind::TooLarge } else { NoticeKind::MalformedRequest };
            return caller.notice(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), kind);
        }
    };
    let Ok(params) = Params::parse(&form) else { return caller.notice(StatusCode::BAD_REQUEST, NoticeKind::MalformedRequest) };
    match caller.end(&id, &params).await {
        Ok(response) => response,
        Err(outage) => caller.outage(&outage),
    }
}

struct Caller<'a> {
    site: &'a Site,
    key: Option<VisitKey>,
    /// Of pages without a visit.
    lang: Lang,
    request_id: String,
}

impl<'a> Caller<'a> {
    fn new(site: &'a Site, request: &Request<Body>) -> Self {
        Self {
            site,
            key: visit_key(request.headers()),
            lang: negotiate(None, None, &accept_language(request.headers()), &site.brand),
            request_id: request_id(request),
        }
    }

    async fn visit(&self) -> Result<Option<Visit>, Outage> {
        permissions::visit(&self.site.app, &self.site.brand, self.key.as_ref()).await
    }

    async fn list(&self, only: Option<PermissionState>, after: Option<GrantId>) -> Result<Response, Outage> {
        let Some(visit) = self.visit().await? else { return Ok(self.closed(PermissionsClosed::Session)) };
        let mut lists = [None, None];
        for (list, (state, limit)) in lists.iter_mut().zip([(PermissionState::Active, MOST_ACTIVE), (PermissionState::Ended, MOST_ENDED)]) {
            if only.is_none_or(|only| only == state) {
                let after = after.filter(|_| only.is_some());
                *list = Some(permissions::search(&self.site.app, &self.site.brand, &visit.psu, state, after, limit).await?);
            }
        }
        let [active, ended] = lists;
        let (active, ended) = (self.listed(active.as_ref(), visit.lang, "active"), self.listed(ended.as_ref(), visit.lang, "ended"));
        let (page, first) = (self.site.page(visit.lang), overview(self.site));
        let html = Permissions {
            site: page,
            active: active.as_ref().map(Listed::list),
            ended: ended.as_ref().map(Listed::list),
            first: only.is_some().then_some(&first),
        };
        Ok(respond::page(StatusCode::OK, page, html.render()))
    }

    fn listed<'f>(&self, found: Option<&'f Found>, lang: Lang, state: &str) -> Option<Listed<'f>> {
        let found = found?;
        let views = found.permissions.iter().map(|permission| self.view(permission, lang, found.now)).collect();
        let next = found.next.map(|grant| format!("{}?state={state}&after={}", overview(self.site), grant.0));
        Some(Listed { views, next })
    }

    fn view<'p>(&self, permission: &'p Permission, lang: Lang, now: OffsetDateTime) -> PermissionView<'p> {
        PermissionView {
            tpp: holder(permission, lang),
            scope: &permission.scope,
            payment: permission.payment.map(|(_, kind)| kind),
            accounts: permission.accounts.as_ref().map(Vec::len),
            since: day(permission.since),
            authenticated: day(permission.sca_at),
            used: permission.last_used_at.map(day),
            until: day(permission.expires_at),
            ended: permission.end(now).map(|end| EndedView { on: day(end.at), by: end.by, note: end.note }),
            url: format!("{}/{}", overview(self.site), permission.grant.0.simple()),
        }
    }

    async fn one(&self, id: &str) -> Result<Response, Outage> {
        let (Some(visit), Some(key)) = (self.visit().await?, &self.key) else { return Ok(self.closed(PermissionsClosed::Session)) };
        let found = match Uuid::try_parse(id) {
            Ok(id) => permissions::find(&self.site.app, &self.site.brand, &visit.psu, GrantId(id)).await?,
            Err(_) => None,
        };
        let Some((permission, now)) = found else { return Ok(self.notice(StatusCode::NOT_FOUND, NoticeKind::NotFound)) };
        let (page, view) = (self.site.page(visit.lang), self.view(&permission, visit.lang, now));
        let html = OnePermission { site: page, permission: &view, action: &view.url, csrf: &key.csrf(), back: &overview(self.site) };
        Ok(respond::page(StatusCode::OK, page, html.render()))
    }

    async fn end(&self, id: &str, params: &Params) -> Result<Response, Outage> {
        let (Some(visit), Some(key)) = (self.visit().await?, &self.key) else { return Ok(self.closed(PermissionsClosed::Session)) };
        if !key.accepts(params.get("csrf").unwrap_or("")) {
            return Ok(self.notice(StatusCode::FORBIDDEN, NoticeKind::MalformedRequest));
        }
        if params.get("decision") != Some("end") {
            return Ok(self.notice(StatusCode::BAD_REQUEST, NoticeKind::MalformedRequest));
        }
        let Ok(grant) = Uuid::try_parse(id) else { return Ok(self.notice(StatusCode::NOT_FOUND, NoticeKind::NotFound)) };
        let withdrawal = Withdrawal { by: Withdrawer::Customer, note: None, through: "permissions_page" };
        Ok(match permissions::withdraw(&self.site.app, &self.site.brand, &visit.psu, GrantId(grant), &withdrawal).await? {
            Some(_) => respond::see_other(&format!("{}/{}", overview(self.site), grant.simple())),
            None => self.notice(StatusCode::NOT_FOUND, NoticeKind::NotFound),
        })
    }

    fn closed(&self, why: PermissionsClosed) -> Response {
        let page = self.site.page(self.lang);
        let (status, reason) = match why {
            PermissionsClosed::Link => (StatusCode::GONE, "permissions_link_over"),
            PermissionsClosed::Session => (StatusCode::FORBIDDEN, "permissions_session_over"),
        };
        request::note(|facts| facts.verdict(reason, None));
        respond::page(status, page, why.render(page))
    }

    fn notice(&self, status: StatusCode, kind: NoticeKind) -> Response {
        notice(status, self.site.page(self.lang), kind, &self.request_id)
    }

    fn outage(&self, outage: &Outage) -> Response {
        respond::log_outage(outage);
        self.notice(StatusCode::SERVICE_UNAVAILABLE, NoticeKind::TemporarilyUnavailable)
    }
}

struct Listed<'f> {
    views: Vec<PermissionView<'f>>,
    next: Option<String>,
}

impl<'f> Listed<'f> {
    fn list(&self) -> PermissionList<'_> {
        PermissionList { permissions: &self.views, next: self.next.as_deref() }
    }
}

fn overview(site: &Site) -> String {
    format!("/{}/permissions", site.brand.id)
}

fn day(at: OffsetDateTime) -> CalendarDate {
    CalendarDate { year: at.year(), month: at.month().into(), day: at.day() }
}

fn visit_key(headers: &HeaderMap) -> Option<VisitKey> {
    let value = cookie(headers, COOKIE)?;
    Some(VisitKey::new(Handle::parse(HandleKind::PermissionsVisit, value)?, Secret::new(value)))
}

/// Lax: the browser comes from the bank's site by a top-level navigation, and Strict would hold the cookie back on the redirect.
fn set_cookie(response: &mut Response, key: &VisitKey) {
    let cookie = format!("{COOKIE}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", key.reveal(), LONGEST.whole_seconds());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
