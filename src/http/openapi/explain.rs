//! What is wrong with a certificate, for developers and their software.

use super::parts::{body, json_answer, object, operation, optional, page_answer, path_parameter, required, shared, text, uri, word};
use crate::oauth::brand::Brand;
use crate::pki::{Asked, Report, Rule, Verdict};
use serde_json::json;
use utoipa::openapi::{
    ObjectBuilder, Schema, Type,
    path::{Operation, OperationBuilder},
    schema::ArrayBuilder,
    security::SecurityRequirement,
};

const TAG: &str = "Certificates";
const NO_SCOPES: [&str; 0] = [];

fn of_page(id: &str, summary: &str, description: &str, brand: &Brand) -> OperationBuilder {
    let languages = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(brand.languages.iter().map(|lang| lang.tag())));
    let operation = operation(id, TAG, summary, description)
        .parameter(path_parameter("lang", "The language of the page.", languages))
        .response("404", page_answer("There is no page in this language: a page."))
        .response("405", page_answer("The path answers other methods: a page."))
        .response("429", page_answer("Too many requests of this address: a page, with Retry-After."));
    shared(operation, &[("421", "OtherHost"), ("500", "ServerError"), ("503", "Unavailable")])
}

pub fn form(brand: &Brand) -> Operation {
    let description = "A form for a certificate: paste it or choose a file. Also at `/{lang}/certificate`; where several brands share a host, that \
                       is the first one's.";
    of_page("showCertificateForm", "Check a certificate", description, brand).response("200", page_answer("The form.")).build()
}

pub fn check(brand: &Brand) -> Operation {
    let description = "Judges the certificate as a connection that presents it would be judged now, and tells what it says, the chain found, \
                       each rule with its source, and what to ask the QTSP for. Nothing of what is sent is stored or logged. A private key is \
                       not processed.";
    let form = object(
        "One of the two.",
        [
            optional("pasted", text("PEM, the certificate first and then its issuers, or base64 of DER.")),
            optional("file", text("PEM or DER.").content_media_type("application/octet-stream")),
        ],
    );
    of_page("checkCertificate", "Check this certificate", description, brand)
        .request_body(Some(body("multipart/form-data", "The form of the page.", form.build(), None)))
        .response("200", page_answer("The verdict, accepted or refused."))
        .response("400", page_answer("There is no certificate in it, a private key is, or the form cannot be read: a page."))
        .response("403", page_answer("The form was on another site: a page."))
        .response("408", page_answer("The form did not arrive in time: a page."))
        .response("413", page_answer("The form is too large: a page."))
        .response("415", page_answer("Not multipart/form-data: a page."))
        .build()
}

pub fn presented(brand: &Brand) -> Operation {
    let description = "What this connection's certificate says, the chain found and each rule with pass or fail, whatever the verdict: no \
                       registration is needed, and a refused certificate or none is answered 200, too. As a page where `Accept` prefers \
                       `text/html`. Nothing is stored.";
    let mut example = serde_json::to_value(Report::of(&Verdict::refused(crate::pki::Reason::CertificateMissing), Asked::CertificateOnly))
        .unwrap_or_default();
    example["judged_at"] = json!("2026-03-01T12:00:00Z");
    example["check_page"] = json!(format!("{}/{}/{}/certificate", brand.psu_origin, brand.id, brand.default_language.tag()));
    let answer = json_answer("The verdict.", "CertificateReport", [("no_certificate", example)]);
    let operation = operation("readPresentedCertificate", TAG, "What is thought of this certificate", description)
        .security(SecurityRequirement::new(super::QWAC, NO_SCOPES))
        .response("200", answer);
    super::machine(operation).build()
}

/// The answer's schema: the members of [`Report`].
pub fn schema() -> Schema {
    let list = |items: ObjectBuilder| ArrayBuilder::new().items(items.build());
    let date = |description: &str| text(description).format(Some(utoipa::openapi::SchemaFormat::Custom("date-time".to_owned())));
    let texts = |description: &str| list(text("")).description(Some(description));
    let certificate = object(
        "What the certificate says; absent members are null. Characters that cannot be seen stand as `\\u{..}`. Null if it cannot be parsed.",
        [
            required("subject", text("For people.")),
            required("subject_dn", text("RFC 4514.")),
            required("issuer", text("For people.")),
            required("serial", text("Hexadecimal.")),
            required("not_before", date("RFC 5280 s4.1.2.5.")),
            required("not_after", date("RFC 5280 s4.1.2.5.")),
            required("organisation_name", text("organizationName.")),
            required("organisation_id", text("organizationIdentifier.")),
            required("roles", texts("Those of ETSI TS 119 495 alone.")),
            required("nca_id", text("nCAId.")),
            required("nca_name", text("nCAName.")),
            required("key", text("Algorithm with size or curve.")),
            required("signature_algorithm", text("In dots.")),
            required("key_usage", texts("Names of RFC 5280.")),
            required("extended_key_usage", texts("In dots.")),
            required("ocsp", texts("Where its status is asked for.")),
            required("crl", texts("Where revocation lists are.")),
            required("ca_issuers", texts("Where its issuer's certificate is.")),
            required("thumbprint", text("SHA-256, hexadecimal.")),
        ],
    );
    let listed = object(
        "The entry of the trusted list; null where the anchor is trusted by configuration.",
        [
            required("territory", text("Of the list.")),
            required("provider", text("The trust service provider.")),
            required("service", text("Its service.")),
            required("list_sequence", ObjectBuilder::new().schema_type(Type::Integer).description(Some("TSLSequenceNumber."))),
        ],
    );
    let path = object(
        "The chain found; null if none leads to an accepted service.",
        [required("issuers", texts("From the issuer to the anchor.")), required("listed", listed)],
    );
    let finding = object(
        "What breaks the rule, or is odd.",
        [
            required("code", text("Stable; the codes of refusals are those of `error_description`.")),
            required("explanation", text("In English.")),
            required("detail", text("What exactly; or null.")),
            required("source", text("Where it is written; or null.")),
        ],
    );
    let rule = object(
        "One rule.",
        [
            required("rule", word("Its name.", Rule::ALL.map(Rule::name))),
            required("title", text("What is demanded.")),
            required("source", text("Where it is written.")),
            required("outcome", word("`not_reached`: it could not be judged.", ["pass", "fail", "warning", "not_reached"])),
            required("findings", list(finding)),
            required("advice", text("What to ask the QTSP for; null unless it fails.")),
        ],
    );
    object(
        "The verdict on a certificate.",
        [
            required("judged_at", date("When.")),
            required("accepted", ObjectBuilder::new().schema_type(Type::Boolean)),
            required("certificate", certificate),
            required("path", path),
            required("rules", list(rule).description(Some("In the order of the checks."))),
            required("check_page", uri("Where a certificate can be pasted.")),
        ],
    )
    .build()
    .into()
}
