//! The authorization endpoint of each channel (RFC 6749 s3.1) and the pages that the customer then sees.

use super::{
    parts::{
        Member, form_body, json_schema_answer, object, operation, optional, page_answer, path_parameter, query, redirect_answer, required,
        shared, spoken, text, uri, word,
    },
    token,
};
use crate::oauth::{
    authorize::{AuthorizeRefusal, LONGEST_STATE},
    brand::Brand,
    channel::Channel,
    client::ClientId,
    details::{DetailsType, LONGEST},
    error::OAuthError,
    redirect::{Answer, TrustedRedirect},
    request_object::RequestObjectRefusal,
    response_mode::ResponseMode,
    sca::ScaFailure,
    scope::ScopeToken,
    secret::Secret,
};
use std::collections::BTreeMap;
use utoipa::openapi::{
    ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};
use uuid::Uuid;

const TAG: &str = "Authorization";
const PAGES: &str = "Customer pages";
const LOCATION: &str = "The registered redirect URI, with the answer in its query.";
const REQUEST: &str = "RFC 9101: the whole request as a JWT that a registered key signed, with `iss`, `aud` (the issuer), `nbf` and `exp` at \
                       most 60 minutes apart. Only what is in it counts.";
const MODE: &str = "`jwt` or `query.jwt`: the answer comes as a signed JWT in `response`, errors too (JARM). Where the metadata says so.";

pub fn authorize(brand: &Brand, channel: &Channel) -> Operation {
    let place = if channel.app.is_some() {
        "The bank's app claims this path as a universal or app link (RFC 8252 s7.2); where the app is missing, the browser shows the page."
    } else {
        "For the customer's browser."
    };
    let pkce = if brand.pkce_required { "is required" } else { "is recommended, and enforced once a challenge was sent" };
    let description = format!(
        "RFC 6749 s4.1.1. {place} Send the customer here by a top-level navigation; no client certificate is asked for. PKCE with S256 {pkce} \
         (RFC 7636). The customer has {} to answer, the code then lives {}.\n\nA request whose client or redirect URI is not \
         known is answered by a page and never redirected (RFC 6749 s4.1.2.1). Everything else goes home, with `state` if it was sent and \
         `iss` always.",
        spoken(brand.interaction_lifetime),
        spoken(brand.code_lifetime),
    );
    let summary = format!("Send the customer to the bank, channel {}", channel.name);
    let operation = operation(format!("authorize_{}", channel.name), TAG, summary, description);
    let operation = parameters(brand, channel).into_iter().fold(operation, OperationBuilder::parameter);
    let bad =
        page_answer("The client is unknown, the redirect URI is not one of its own, or the query cannot be read: a page for the customer.");
    let redirect = redirect_answer(outcomes(brand, channel), LOCATION, locations(brand, channel));
    let refused =
        page_answer("The bank does not serve the TPP at present: a page with its reason and a link home, which carries `access_denied`.");
    browser(operation.response("303", redirect).response("400", bad).response("403", refused)).build()
}

fn parameters(brand: &Brand, channel: &Channel) -> Vec<Parameter> {
    let languages = || brand.languages.iter().map(|lang| lang.tag());
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let mut all = vec![];
    if channel.authorize_path.contains("{lang}") {
        all.push(path_parameter("lang", "The language of the pages. It wins over `ui_locales`.", text().enum_values(Some(languages()))));
    }
    let scopes = brand.offered_scopes();
    all.extend([
        query("response_type", true, "RFC 6749 s3.1.1.", text().enum_values(Some(["code"]))),
        query("client_id", true, "As given out at registration.", text()),
        query(
            "redirect_uri",
            false,
            "One of the registered ones, character for character. May be left out if only one is registered.",
            uri(""),
        ),
        query(
            "scope",
            !brand.profiles.offer_fapi2(),
            format!("Of `{scopes}`, space-separated. `aisp`, `cbpii` and `pisp` each need an authorization of their own."),
            text(),
        ),
        query(
            "state",
            false,
            "Comes back unchanged, also with errors. Use it against request forgery (RFC 9700 s4.7).",
            text().max_length(Some(LONGEST_STATE)),
        ),
        query(
            "code_challenge",
            brand.pkce_required,
            "RFC 7636 s4.2: the base64url SHA-256 of the verifier.",
            text().min_length(Some(43)).max_length(Some(43)).pattern(Some("^[A-Za-z0-9_-]{43}$")),
        ),
        query(
            "code_challenge_method",
            brand.pkce_required,
            "Required with `code_challenge`: without it RFC 7636 s4.3 means `plain`, which is refused.",
            text().enum_values(Some(["S256"])),
        ),
        query(
            "ui_locales",
            false,
            format!("Languages in order of preference (RFC 5646). Offered: {}.", languages().collect::<Vec<_>>().join(", ")),
            text(),
        ),
    ]);
    if let Some(policy) = brand.scopes.iter().find(|policy| policy.family == ScopeToken::Pisp) {
        let need = if policy.payment_required { "Required with `pisp`." } else { "With `pisp` only; a sandbox does without." };
        let description = format!(
            "{need} The payment or cancellation that the customer is to approve: it is in the `consentApproval` link of the payment API already, \
             to which you append `redirect_uri`, `state`, `code_challenge` and `code_challenge_method`."
        );
        all.push(query("payment_request", false, description, text()));
    }
    if let Some(audience) = brand.access_tokens.audience() {
        all.push(query("resource", false, token::RESOURCE, text().enum_values(Some([audience]))));
    }
    if brand.profiles.offer_fapi2() {
        all.push(query("response_mode", false, MODE, text().enum_values(Some(["query", "jwt", "query.jwt"]))));
        all.push(query("request", false, format!("{REQUEST} `client_id` must stand beside it, too."), text()));
        all.push(query("authorization_details", false, details(brand), text().max_length(Some(LONGEST))));
    }
    all
}

fn details(brand: &Brand) -> String {
    let types: Vec<_> = DetailsType::offered_by(brand).map(|kind| format!("`{}`", kind.name())).collect();
    format!(
        "RFC 9396: a JSON array of one object as `AuthorizationDetail` describes it, of type {}. It stands for the scope, which may then be \
         left out, and a payment in it for `payment_request`.",
        types.join(" or ")
    )
}

/// The same parameters as members of a form (RFC 9126 s2.1).
pub fn members(brand: &Brand) -> Vec<Member> {
    let scopes = brand.offered_scopes();
    let mut all = vec![
        required("response_type", word("RFC 6749 s3.1.1.", ["code"])),
        optional("redirect_uri", text("One of the registered ones, character for character. FAPI 2.0 needs it.")),
        optional("scope", text(format!("Of `{scopes}`, space-separated. Required without `authorization_details`."))),
        optional("authorization_details", text(details(brand)).max_length(Some(LONGEST))),
        optional("state", text("Comes back unchanged, also with errors.")),
        optional("code_challenge", text("RFC 7636 s4.2: the base64url SHA-256 of the verifier. FAPI 2.0 needs it.")),
        optional("code_challenge_method", word("Required with `code_challenge`.", ["S256"])),
        optional("ui_locales", text("Languages in order of preference (RFC 5646).")),
    ];
    all.extend(token::client(brand));
    if brand.scopes.iter().any(|policy| policy.family == ScopeToken::Pisp) {
        all.push(optional("payment_request", text("The payment or cancellation that the customer is to approve.")));
    }
    all.extend(token::resource(brand));
    all.push(optional("response_mode", word(MODE, ["query", "jwt", "query.jwt"])));
    all.push(optional("request", text(REQUEST)));
    all
}

/// Every value of `error` with its `error_description`, a paragraph each: some reasons share a code, and some both.
fn outcomes(brand: &Brand, channel: &Channel) -> String {
    let mut codes = BTreeMap::<String, Vec<String>>::new();
    let requests = refusals(brand).into_iter().map(|error| error.body()).map(|body| (body.error.to_owned(), body.error_description));
    let customers = ScaFailure::ALL.map(|failure| (channel.wire_code(failure).to_owned(), failure.description().to_owned()));
    for (code, description) in customers.into_iter().chain(requests) {
        let descriptions = codes.entry(code).or_default();
        if !descriptions.contains(&description) {
            descriptions.push(description);
        }
    }
    let listed = codes.into_iter().map(|(code, descriptions)| format!("\n\n`error={code}`: {}.", descriptions.join("; ")));
    let head = "To the bank's own pages while the customer has to act, then to the redirect URI: with `code`, `state` and `iss` (RFC 6749 \
                s4.1.2, RFC 9207 s2), or with `error`, `error_description`, `state` and `iss`. Errors and their descriptions:";
    [head.to_owned()].into_iter().chain(listed).collect()
}

fn refusals(brand: &Brand) -> Vec<OAuthError> {
    of_requests(brand).chain([OAuthError::PROVIDER_REFUSED, OAuthError::TOO_MANY_JOURNEYS]).collect()
}

/// What is wrong with a request itself, as far as this brand can say it.
fn of_requests(brand: &Brand) -> impl Iterator<Item = OAuthError> {
    let objects = brand.profiles.offer_fapi2().then(RequestObjectRefusal::all).into_iter().flatten();
    objects.map(OAuthError::from).chain(verdicts(brand).map(OAuthError::from))
}

/// Those of [`AuthorizeRefusal`] that this brand gives.
pub fn verdicts(brand: &Brand) -> impl Iterator<Item = AuthorizeRefusal> {
    let fapi2 = brand.profiles.offer_fapi2();
    AuthorizeRefusal::all("scope").into_iter().filter(move |refusal| match refusal {
        AuthorizeRefusal::RequestObject | AuthorizeRefusal::ResponseModeUnsupported => !fapi2,
        AuthorizeRefusal::NotPushed
        | AuthorizeRefusal::ResponseModeUnknown
        | AuthorizeRefusal::ResponseUnsigned
        | AuthorizeRefusal::Details(_) => fapi2,
        AuthorizeRefusal::OtherResource => brand.access_tokens.audience().is_some(),
        AuthorizeRefusal::Repeated(_)
        | AuthorizeRefusal::ResponseTypeMissing
        | AuthorizeRefusal::ResponseTypeUnsupported
        | AuthorizeRefusal::RequestUri
        | AuthorizeRefusal::StateTooLong
        | AuthorizeRefusal::GrantTypeNotRegistered
        | AuthorizeRefusal::ScopeMissing
        | AuthorizeRefusal::ScopeUnknown
        | AuthorizeRefusal::ScopeMixed
        | AuthorizeRefusal::ExtendedHistoryAlone
        | AuthorizeRefusal::ScopeNotRegistered
        | AuthorizeRefusal::ChallengeMissing
        | AuthorizeRefusal::ChallengeMethod
        | AuthorizeRefusal::ChallengeMalformed
        | AuthorizeRefusal::PaymentMissing
        | AuthorizeRefusal::PaymentOfOtherScope
        | AuthorizeRefusal::PaymentUnknown
        | AuthorizeRefusal::PaymentExpired
        | AuthorizeRefusal::PaymentWithdrawn
        | AuthorizeRefusal::PaymentApproved => true,
    })
}

/// The redirects themselves, built by what builds them for customers.
fn locations(brand: &Brand, channel: &Channel) -> Vec<(String, String)> {
    let home = |mode| {
        let state = Some("af0ifjsldkj".into());
        TrustedRedirect::stored("https://tpp.example/callback".into(), state, mode, ClientId(Uuid::nil()), brand)
    };
    let shown = |answer: Answer| match answer {
        Answer::Query(location) => location,
        Answer::Jwt(unsigned) => unsigned.carry("eyJ..."),
    };
    let (redirect, code) = (home(ResponseMode::Query), Secret::new("guac_..."));
    let refuse = |error: &str, description: &str| shown(redirect.refuse(error, description));
    let mut all = vec![("approved".to_owned(), shown(redirect.approve(&code)))];
    if brand.profiles.offer_fapi2() {
        all.push(("approved, with response_mode=jwt".to_owned(), shown(home(ResponseMode::Jwt).approve(&code))));
    }
    all.extend(ScaFailure::ALL.map(|failure| (failure.name().to_owned(), refuse(channel.wire_code(failure), failure.description()))));
    for body in refusals(brand).iter().map(OAuthError::body) {
        all.push((format!("{}: {}", body.error, body.error_description), refuse(body.error, &body.error_description)));
    }
    all
}

pub fn browser(operation: OperationBuilder) -> OperationBuilder {
    let operation = operation
        .response("404", page_answer("There is nothing at this path: a page."))
        .response("405", page_answer("The path answers other methods: a page."))
        .response("429", page_answer("Too many requests of this address: a page, with Retry-After."));
    shared(operation, &[("421", "OtherHost"), ("500", "ServerError"), ("503", "Unavailable")])
}

fn on_journey(id: &str, summary: &str, description: &str) -> OperationBuilder {
    let journey = path_parameter(
        "id",
        "Of the journey, from the redirect of the authorization endpoint.",
        ObjectBuilder::new().schema_type(Type::String),
    );
    let operation = operation(
        id,
        PAGES,
        summary,
        format!("{description} For the customer's browser, which holds the journey's cookie; not for TPPs' software."),
    );
    browser(operation.parameter(journey))
        .response("403", page_answer("The browser is not the one that began the journey, the form is not ours, or the bank does not serve the TPP at present: a page."))
        .response("410", page_answer("The journey is over: a page."))
}

pub fn look() -> Operation {
    let next = redirect_answer("On to the next page.", "A page of this journey, or the redirect URI.", []);
    on_journey("showJourney", "Show where the customer stands", "Sign-in, accounts, consent, authentication, or the way back.")
        .response("200", page_answer("The page."))
        .response("303", next)
        .build()
}

pub fn step() -> Operation {
    let form = object(
        "A step of the customer.",
        [
            required("decision", word("The button.", ["sign_in", "accounts", "approve", "method", "otp", "other_method", "cancel"])),
            required("csrf", text("From the page.")),
            optional("customer", text("With `sign_in`.")),
            optional("password", text("With `sign_in`.")),
            optional(
                "account",
                text("With `accounts`: the chosen one's id. Where several may be chosen, `account.0`, `account.1` and so on."),
            ),
            optional("method", text("With `method`: the chosen one's id.")),
            optional("otp", text("With `otp`: the code as typed.")),
            optional(
                "outcome",
                word(
                    "Sandbox only, with `approve`: how the strong customer authentication ends.",
                    ["approve"].into_iter().chain(ScaFailure::ALL.map(ScaFailure::name)),
                ),
            ),
        ],
    );
    on_journey("stepJourney", "Take the customer's step", "The forms of the pages are sent here.")
        .request_body(Some(form_body("The form of the page.", form.build())))
        .response("200", page_answer("The same page again, with what was wrong."))
        .response("303", redirect_answer("On to the next page.", "A page of this journey.", []))
        .response("400", page_answer("The form cannot be read: a page."))
        .response("413", page_answer("The form is too large: a page."))
        .response("408", page_answer("The form did not arrive in time: a page."))
        .response("415", page_answer("Not a form: a page."))
        .build()
}

pub fn go_home() -> Operation {
    let home = redirect_answer("Home to the TPP, or back to the journey where it is not over yet.", LOCATION, []);
    on_journey("endJourney", "Take the browser back to the TPP", "Redirects to the redirect URI with the answer.")
        .response("303", home)
        .build()
}

pub fn status() -> Operation {
    let state = || required("state", word("`moved`: load the page again.", ["waiting", "moved"]));
    let told = |what| json_schema_answer(what, object("Where a waiting page stands.", [state()]).build());
    let moved = "As `moved`: the page says why.";
    let journey = path_parameter("id", "Of the journey.", ObjectBuilder::new().schema_type(Type::String));
    let description = "For the script of the page that waits for an approval in the bank's app, with the journey's cookie; not for TPPs' \
                       software. The bank is asked once a second at most.";
    let operation = operation("statusOfJourney", PAGES, "Ask whether the page still has to wait", description).parameter(journey);
    browser(operation)
        .response("200", told("How it stands."))
        .response("403", told(moved))
        .response("404", told(moved))
        .response("410", told(moved))
        .build()
}

pub fn customers() -> Operation {
    let description = "One scripted customer per outcome, with password and the `error` each leads to on every channel. Sandbox only.";
    browser(operation("listScriptedCustomers", TAG, "The sandbox's customers", description).response("200", page_answer("The list.")))
        .build()
}
