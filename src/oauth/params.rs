//! Request parameters have one reading (RFC 6749 s3.1, s3.2): form-encoded UTF-8, none twice, empty is absent.

/// More than this many parameters is no OAuth request.
pub const MOST: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamsRefusal {
    /// Not `application/x-www-form-urlencoded` UTF-8, or with a NUL in it.
    Malformed,
    TooMany,
    /// RFC 6749 s3.1: parameters must not be included more than once.
    Repeated(String),
}

impl ParamsRefusal {
    /// The stable name in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed => "parameters_malformed",
            Self::TooMany => "too_many_parameters",
            Self::Repeated(_) => "parameter_repeated",
        }
    }
}

/// Parsed parameters. `Debug` shows names only: values hold codes, secrets and states.
#[derive(Clone, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    /// Each name once, in the order in which it was met again.
    repeated: Vec<String>,
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// For an endpoint that answers the caller directly: a repeated parameter refuses the whole request.
    pub fn parse(encoded: &[u8]) -> Result<Self, ParamsRefusal> {
        let params = Self::parse_leniently(encoded)?;
        match params.repeated() {
            Some(name) => Err(ParamsRefusal::Repeated(name.to_owned())),
            None => Ok(params),
        }
    }

    /// For the authorization endpoint, which may still know whom to tell about a repetition (`repeated`).
    pub fn parse_leniently(encoded: &[u8]) -> Result<Self, ParamsRefusal> {
        let mut params = Self::default();
        for pair in encoded.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.iter().position(|b| *b == b'=').map_or((pair, &[][..]), |i| (&pair[..i], &pair[i + 1..]));
            let name = decode(name).ok_or(ParamsRefusal::Malformed)?;
            let value = decode(value).ok_or(ParamsRefusal::Malformed)?;
            if params.pairs.len() == MOST {
                return Err(ParamsRefusal::TooMany);
            }
            if params.pairs.iter().any(|(known, _)| *known == name) {
                if !params.is_repeated(&name) {
                    params.repeated.push(name);
                }
            } else {
                params.pairs.push((name, value));
            }
        }
        Ok(params)
    }

    /// What [`Self::pairs`] told.
    pub const fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, repeated: vec![] }
    }

    /// As they were sent, each name once.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    pub fn without(&self, names: &[&str]) -> Self {
        let pairs = self.pairs.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect();
        Self { pairs, repeated: self.repeated.clone() }
    }

    /// RFC 6749 s3.1: a parameter without a value counts as omitted.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Each name once, in an order of its own: however they were sent, the same parameters are the same.
    pub fn sorted(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        pairs
    }

    /// The first name that was met again.
    pub fn repeated(&self) -> Option<&str> {
        self.repeated.first().map(String::as_str)
    }

    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.iter().any(|known| known == name)
    }
}

/// Strict: a stray `%`, a NUL (which PostgreSQL's text cannot hold) or bytes that are no UTF-8 give `None`, never a guess.
pub fn decode(encoded: &[u8]) -> Option<String> {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_have_one_reading() {
        let read = |text: &str, name: &str| Params::parse(text.as_bytes()).map(|p| p.get(name).map(str::to_owned));
        for (text, name, value) in [
            ("scope=aisp&state=", "state", Ok(None)),
            ("state", "state", Ok(None)),
            ("a=b%20c+d%C3%A9", "a", Ok(Some("b c d\u{e9}".to_owned()))),
            ("scope=aisp&scope=pisp", "scope", Err(ParamsRefusal::Repeated("scope".into()))),
            ("sc%6Fpe=aisp&scope=aisp", "scope", Err(ParamsRefusal::Repeated("scope".into()))),
            ("x=&x=", "x", Err(ParamsRefusal::Repeated("x".into()))),
            ("a=%F", "a", Err(ParamsRefusal::Malformed)),
            ("a=%FF", "a", Err(ParamsRefusal::Malformed)),
            ("a=b%00", "a", Err(ParamsRefusal::Malformed)),
        ] {
            assert_eq!(read(text, name), value, "{text}");
        }
        let many = (0..=MOST).map(|i| format!("p{i}=1&")).collect::<String>();
        assert_eq!(read(&many, "p0"), Err(ParamsRefusal::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Params::parse(&bytes);
        }

        #[test]
        fn what_a_form_encoder_writes_is_read_back(value in "\\PC{1,40}") {
            let encoded = url::form_urlencoded::Serializer::new(String::new()).append_pair("v", &value).finish();
            let params = Params::parse(encoded.as_bytes()).unwrap();
            prop_assert_eq!(params.get("v"), Some(value.as_str()));
        }
    }
}
