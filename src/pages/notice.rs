//! Pages that end a journey without an answer to the TPP.

use super::{Site, TppIdentity, html, tpp::plain};
use askama::Template;

/// What went wrong. The caller chooses the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    UnknownClient,
    WrongRedirectUri,
    MalformedRequest,
    /// A link to a pushed request that is unknown, over, or another client's.
    LinkOver,
    ExpiredInteraction,
    CookieLost,
    AlreadyAnswered,
    MethodNotAllowed,
    NotFound,
    TemporarilyUnavailable,
    TooLarge,
    /// Of this browser's address.
    TooMany,
}

impl NoticeKind {
    pub const ALL: [Self; 12] = [
        Self::UnknownClient,
        Self::WrongRedirectUri,
        Self::MalformedRequest,
        Self::LinkOver,
        Self::ExpiredInteraction,
        Self::CookieLost,
        Self::AlreadyAnswered,
        Self::MethodNotAllowed,
        Self::NotFound,
        Self::TemporarilyUnavailable,
        Self::TooLarge,
        Self::TooMany,
    ];

    /// The stable name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown_client",
            Self::WrongRedirectUri => "wrong_redirect_uri",
            Self::MalformedRequest => "malformed_request",
            Self::LinkOver => "link_over",
            Self::ExpiredInteraction => "expired_interaction",
            Self::CookieLost => "cookie_lost",
            Self::AlreadyAnswered => "already_answered",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotFound => "not_found",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
        }
    }
}

/// An error page: title, explanation, what to do, and what to tell support.
#[derive(Template)]
#[template(path = "notice.html")]
pub struct Notice<'a> {
    pub site: Site<'a>,
    pub kind: NoticeKind,
    /// The request id of the logs.
    pub request_id: &'a str,
    /// One line in English for the TPP's developers, such as which parameter is wrong.
    pub detail: Option<&'a str>,
    /// Where the customer can start again, if we know who sent him, and its own site if it registered one.
    pub home: Option<(&'a TppIdentity, Option<&'a str>)>,
}

struct NoticeTexts {
    title: String,
    explanation: String,
    advice: String,
}

impl Notice<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn detail(&self) -> Option<String> {
        self.detail.map(plain).filter(|d| !d.is_empty())
    }

    fn texts(&self) -> NoticeTexts {
        let t = self.site.t();
        let (title, explanation, advice) = match self.kind {
            NoticeKind::UnknownClient => {
                (t.notice_unknown_client_title(), t.notice_unknown_client_text(), t.notice_unknown_client_advice())
            }
            NoticeKind::WrongRedirectUri => {
                (t.notice_wrong_redirect_uri_title(), t.notice_wrong_redirect_uri_text(), t.notice_wrong_redirect_uri_advice())
            }
            NoticeKind::MalformedRequest => {
                (t.notice_malformed_request_title(), t.notice_malformed_request_text(), t.notice_malformed_request_advice())
            }
            NoticeKind::LinkOver => (t.notice_link_over_title(), t.notice_link_over_text(), t.notice_link_over_advice()),
            NoticeKind::ExpiredInteraction => {
                (t.notice_expired_interaction_title(), t.notice_expired_interaction_text(), t.notice_expired_interaction_advice())
            }
            NoticeKind::CookieLost => (t.notice_cookie_lost_title(), t.notice_cookie_lost_text(), t.notice_cookie_lost_advice()),
            NoticeKind::AlreadyAnswered => {
                (t.notice_already_answered_title(), t.notice_already_answered_text(), t.notice_already_answered_advice())
            }
            NoticeKind::MethodNotAllowed => {
                (t.notice_method_not_allowed_title(), t.notice_method_not_allowed_text(), t.notice_method_not_allowed_advice())
            }
            NoticeKind::NotFound => (t.notice_not_found_title(), t.notice_not_found_text(), t.notice_not_found_advice()),
            NoticeKind::TemporarilyUnavailable => (
                t.notice_temporarily_unavailable_title(),
                t.notice_temporarily_unavailable_text(),
                t.notice_temporarily_unavailable_advice(),
            ),
            NoticeKind::TooLarge => (t.notice_too_large_title(), t.notice_too_large_text(), t.notice_too_large_advice()),
            NoticeKind::TooMany => (t.notice_too_many_title(), t.notice_too_many_text(), t.notice_too_many_advice()),
        };
        let advice = self.home.map_or(advice, |(tpp, _)| t.notice_home_advice(tpp.client_name()));
        NoticeTexts { title, explanation, advice }
    }
}
