//! What a client registers of messages that are signed: its requests (RFC 9101 s10.5) and the answers to them (JARM s3).

use super::{brand::Brand, client::Client, registration::RegistrationRefusal};
use crate::jose::JwsAlgorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

const REQUEST_ALG: &str = "request_object_signing_alg";
const REQUEST_SIGNED: &str = "require_signed_request_object";
const RESPONSE_ALG: &str = "authorization_signed_response_alg";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageSigning {
    /// Each of its requests is a request object that is signed by this algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<JwsAlgorithm>,
    /// RFC 9101 s10.5: its requests are signed, or refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// JARM s3: by which answers are signed where `response_mode` asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<JwsAlgorithm>,
}

impl MessageSigning {
    pub const fn signs_requests(&self) -> bool {
        self.require_signed_request_object || self.request_object_signing_alg.is_some()
    }

    /// What may be registered of `asked`. Where nothing of it is offered, algorithms are members like any unknown ones (RFC 7591 s2);
    /// a wish for stricter rules is granted or refused, never forgotten.
    pub fn admit(asked: &Map<String, Value>, brand: &Brand, signs: Option<JwsAlgorithm>) -> Result<Self, RegistrationRefusal> {
        let offered = brand.profiles.offer_fapi2();
        let require_signed_request_object = match asked.get(REQUEST_SIGNED) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) if offered => true,
            Some(Value::Bool(true)) => return Err(RegistrationRefusal::metadata(REQUEST_SIGNED, "signed requests are not taken here")),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(RegistrationRefusal::metadata(REQUEST_SIGNED, "must be true or false"));
            }
        };
        if !offered {
            return Ok(Self::default());
        }
        let authorization_signed_response_alg = algorithm(asked, RESPONSE_ALG)?;
        if authorization_signed_response_alg.is_some_and(|asked| signs != Some(asked)) {
            return Err(RegistrationRefusal::metadata(RESPONSE_ALG, "nothing signs by it here: see the metadata"));
        }
        let request_object_signing_alg = algorithm(asked, REQUEST_ALG)?;
        Ok(Self { request_object_signing_alg, require_signed_request_object, authorization_signed_response_alg })
    }
}

fn algorithm(asked: &Map<String, Value>, name: &str) -> Result<Option<JwsAlgorithm>, RegistrationRefusal> {
    let Some(value) = asked.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let known = value.as_str().and_then(JwsAlgorithm::parse);
    known.map(Some).ok_or_else(|| RegistrationRefusal::metadata(name, "must be PS256, ES256 or EdDSA"))
}

impl Brand {
    /// Must its requests be signed: because the brand, or what it registered, asks for that?
    pub fn needs_signed_requests(&self, client: &Client) -> bool {
        self.profiles.offer_fapi2() && (self.signed_requests || client.metadata.signing.signs_requests())
    }
}
