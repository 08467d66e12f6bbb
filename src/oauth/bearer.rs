//! RFC 6750 as a protected resource sees it: where an access token may stand, and what is answered without a good one.

use super::{introspection::IntrospectionResponse, scope::ScopeToken};
use url::form_urlencoded;

/// Why a protected resource is not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerRefusal {
    /// s3.1: who brings no token is told how, and of no error.
    Missing,
    /// Several `Authorization` headers, or one that is no text, or no token in it.
    Malformed,
    /// FAPI 2.0 s5.3.4: in a query it would be in logs and histories.
    InQuery,
    /// For any reason: unknown, expired, revoked, or bound to another certificate (RFC 8705 s3).
    Inactive,
    /// Good, but for something else.
    ScopeMissing(ScopeToken),
}

impl BearerRefusal {
    /// In log and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "bearer_missing",
            Self::Malformed => "bearer_malformed",
            Self::InQuery => "bearer_in_query",
            Self::Inactive => "bearer_inactive",
            Self::ScopeMissing(_) => "bearer_scope_missing",
        }
    }

    /// s3.1.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::InQuery => 400,
            Self::Missing | Self::Inactive => 401,
            Self::ScopeMissing(_) => 403,
        }
    }

    /// `WWW-Authenticate` (s3).
    pub fn challenge(self) -> String {
        match self {
            Self::Missing => "Bearer".to_owned(),
            Self::Malformed | Self::InQuery => "Bearer error=\"invalid_request\"".to_owned(),
            Self::Inactive => "Bearer error=\"invalid_token\"".to_owned(),
            Self::ScopeMissing(scope) => format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.as_str()),
        }
    }
}

/// One that stands where none may (s2.3).
pub fn in_query(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "access_token").map(|(_, token)| token.into_owned())
}

/// The token of a request (s2.1), from its query and its `Authorization` headers. `None` among these: one that is no text.
pub fn presented<'r>(query: &str, authorization: &[Option<&'r str>]) -> Result<&'r str, BearerRefusal> {
    if in_query(query).is_some() {
        return Err(BearerRefusal::InQuery);
    }
    let value = match authorization {
        [] => return Err(BearerRefusal::Missing),
        [Some(value)] => *value,
        [None] | [_, _, ..] => return Err(BearerRefusal::Malformed),
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    // RFC 9110 s11.1: the case of a scheme says nothing
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BearerRefusal::Missing);
    }
    match token.trim() {
        "" => Err(BearerRefusal::Malformed),
        token => Ok(token),
    }
}

/// Whether what introspection told of the token, and of the certificate that came with it, is enough for this scope.
pub fn judge(told: &IntrospectionResponse, needed: ScopeToken) -> Result<(), BearerRefusal> {
    // a refresh token is active, too, and opens nothing
    if !told.active || told.token_use != Some("access_token") {
        return Err(BearerRefusal::Inactive);
    }
    let has = told.scope.as_deref().unwrap_or_default().split(' ').any(|scope| scope == needed.as_str());
    if has { Ok(()) } else { Err(BearerRefusal::ScopeMissing(needed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_in_one_header_and_nowhere_else() {
        for (query, headers, expected) in [
            ("", &[Some("Bearer t")][..], Ok("t")),
            ("a=b", &[Some("bEARER  t ")], Ok("t")),
            ("", &[], Err(BearerRefusal::Missing)),
            ("", &[Some("Basic dDp0")], Err(BearerRefusal::Missing)),
            ("", &[Some("Bearer")], Err(BearerRefusal::Malformed)),
            ("", &[Some("Bearer ")], Err(BearerRefusal::Malformed)),
            ("", &[None], Err(BearerRefusal::Malformed)),
            ("", &[Some("Bearer t"), Some("Bearer t")], Err(BearerRefusal::Malformed)),
            ("access_token=t", &[], Err(BearerRefusal::InQuery)),
            ("a=b&access%5Ftoken=t", &[Some("Bearer t")], Err(BearerRefusal::InQuery)),
        ] {
            assert_eq!(presented(query, headers), expected, "{query} {headers:?}");
        }
    }

    #[test]
    fn what_introspection_told_must_be_of_an_access_token_and_name_the_scope() {
        let told = |active, token_use, scope: &str| {
            let scope = Some(scope.to_owned());
            IntrospectionResponse { active, token_use, scope, ..IntrospectionResponse::default() }
        };
        let access = Some("access_token");
        assert_eq!(judge(&told(true, access, "aisp extended_transaction_history"), ScopeToken::Aisp), Ok(()));
        assert_eq!(judge(&told(true, access, "pisp"), ScopeToken::Aisp), Err(BearerRefusal::ScopeMissing(ScopeToken::Aisp)));
        assert_eq!(judge(&told(true, Some("refresh_token"), "aisp"), ScopeToken::Aisp), Err(BearerRefusal::Inactive));
        assert_eq!(judge(&told(false, None, "aisp"), ScopeToken::Aisp), Err(BearerRefusal::Inactive));
    }
}
