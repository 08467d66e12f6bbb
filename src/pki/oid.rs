//! Object identifiers by their encoded contents, so that comparing needs no arithmetic.

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $dotted:literal : $bytes:expr;)*) => {
        $($(#[$doc])* #[doc = $dotted] pub const $name: &[u8] = &$bytes;)*

        #[cfg(test)]
        const ALL: &[(&str, &[u8])] = &[$(($dotted, $name)),*];
    };
}

oids! {
    /// Extension qcStatements (RFC 3739 s3.2.6)
    QC_STATEMENTS = "1.3.6.1.5.5.7.1.3": [0x2b, 6, 1, 5, 5, 7, 1, 3];
    /// Extension cabfOrganizationIdentifier
    CABF_ORGANIZATION_IDENTIFIER = "2.23.140.3.1": [0x67, 0x81, 0x0c, 3, 1];
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14": [0x55, 0x1d, 14];
    KEY_USAGE = "2.5.29.15": [0x55, 0x1d, 15];
    SUBJECT_ALT_NAME = "2.5.29.17": [0x55, 0x1d, 17];
    BASIC_CONSTRAINTS = "2.5.29.19": [0x55, 0x1d, 19];
    NAME_CONSTRAINTS = "2.5.29.30": [0x55, 0x1d, 30];
    CRL_DISTRIBUTION_POINTS = "2.5.29.31": [0x55, 0x1d, 31];
    CERTIFICATE_POLICIES = "2.5.29.32": [0x55, 0x1d, 32];
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35": [0x55, 0x1d, 35];
    EXTENDED_KEY_USAGE = "2.5.29.37": [0x55, 0x1d, 37];

    /// Extension authorityInfoAccess (RFC 5280 s4.2.2.1)
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1": [0x2b, 6, 1, 5, 5, 7, 1, 1];
    AD_OCSP = "1.3.6.1.5.5.7.48.1": [0x2b, 6, 1, 5, 5, 7, 48, 1];
    AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2": [0x2b, 6, 1, 5, 5, 7, 48, 2];

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1": [0x2b, 6, 1, 5, 5, 7, 3, 1];
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2": [0x2b, 6, 1, 5, 5, 7, 3, 2];
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0": [0x55, 0x1d, 37, 0];
    /// id-kp-tls-binding of a 2-QWAC (ETSI TS 119 411-5)
    TLS_BINDING = "0.4.0.194115.1.0": [4, 0, 0x8b, 0xec, 0x43, 1, 0];

    QC_COMPLIANCE = "0.4.0.1862.1.1": [4, 0, 0x8e, 0x46, 1, 1];
    QC_TYPE = "0.4.0.1862.1.6": [4, 0, 0x8e, 0x46, 1, 6];
    QC_TYPE_ESEAL = "0.4.0.1862.1.6.2": [4, 0, 0x8e, 0x46, 1, 6, 2];
    QC_TYPE_WEB = "0.4.0.1862.1.6.3": [4, 0, 0x8e, 0x46, 1, 6, 3];
    QC_CC_LEGISLATION = "0.4.0.1862.1.7": [4, 0, 0x8e, 0x46, 1, 7];
    /// id-qcs-pkixQCSyntax-v1, obsolete
    PKIX_QC_SYNTAX_V1 = "1.3.6.1.5.5.7.11.1": [0x2b, 6, 1, 5, 5, 7, 11, 1];
    /// The PSD2 statement (ETSI TS 119 495 s5.1)
    PSD2 = "0.4.0.19495.2": [4, 0, 0x81, 0x98, 0x27, 2];
    ROLE_UNSPECIFIED = "0.4.0.19495.1.0": [4, 0, 0x81, 0x98, 0x27, 1, 0];
    ROLE_AS = "0.4.0.19495.1.1": [4, 0, 0x81, 0x98, 0x27, 1, 1];
    ROLE_PI = "0.4.0.19495.1.2": [4, 0, 0x81, 0x98, 0x27, 1, 2];
    ROLE_AI = "0.4.0.19495.1.3": [4, 0, 0x81, 0x98, 0x27, 1, 3];
    ROLE_IC = "0.4.0.19495.1.4": [4, 0, 0x81, 0x98, 0x27, 1, 4];
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9": [0x2b, 6, 1, 5, 5, 7, 3, 9];
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1": [0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
    OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2": [0x2b, 6, 1, 5, 5, 7, 48, 1, 2];
    OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5": [0x2b, 6, 1, 5, 5, 7, 48, 1, 5];
    CRL_NUMBER = "2.5.29.20": [0x55, 0x1d, 20];
    REASON_CODE = "2.5.29.21": [0x55, 0x1d, 21];
    INVALIDITY_DATE = "2.5.29.24": [0x55, 0x1d, 24];
    DELTA_CRL_INDICATOR = "2.5.29.27": [0x55, 0x1d, 27];
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28": [0x55, 0x1d, 28];
    CERTIFICATE_ISSUER = "2.5.29.29": [0x55, 0x1d, 29];

    COMMON_NAME = "2.5.4.3": [0x55, 4, 3];
    COUNTRY_NAME = "2.5.4.6": [0x55, 4, 6];
    ORGANIZATION_NAME = "2.5.4.10": [0x55, 4, 10];
    ORGANIZATION_IDENTIFIER = "2.5.4.97": [0x55, 4, 97];

    RSA_ENCRYPTION = "1.2.840.113549.1.1.1": [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    RSASSA_PSS = "1.2.840.113549.1.1.10": [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11": [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12": [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13": [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2": [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3": [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4": [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
    SHA1 = "1.3.14.3.2.26": [0x2b, 14, 3, 2, 26];
    SHA256 = "2.16.840.1.101.3.4.2.1": [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    SHA384 = "2.16.840.1.101.3.4.2.2": [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    SHA512 = "2.16.840.1.101.3.4.2.3": [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
    EC_PUBLIC_KEY = "1.2.840.10045.2.1": [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    P256 = "1.2.840.10045.3.1.7": [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    P384 = "1.3.132.0.34": [0x2b, 0x81, 4, 0, 34];
    P521 = "1.3.132.0.35": [0x2b, 0x81, 4, 0, 35];
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_constant_is_what_its_name_says() {
        for (dotted, bytes) in super::ALL {
            assert_eq!(crate::pki::der::dotted(bytes), *dotted);
        }
    }
}
