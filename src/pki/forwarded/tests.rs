//! What each product writes, and what nobody should.

use super::{ForwardedRefusal as Why, *};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

/// A SEQUENCE of so many bytes in all, told apart by its filling.
fn der(size: usize, filling: u8) -> Vec<u8> {
    let header = match size {
        ..=129 => vec![0x30, u8::try_from(size - 2).unwrap()],
        130..=258 => vec![0x30, 0x81, u8::try_from(size - 3).unwrap()],
        _ => {
            let length = u16::try_from(size - 4).unwrap().to_be_bytes();
            vec![0x30, 0x82, length[0], length[1]]
        }
    };
    let rest = size - header.len();
    [header, vec![filling; rest]].concat()
}

/// `0xfb` gives `+` and `/` in base64.
fn leaf() -> Vec<u8> {
    der(700, 0xfb)
}

fn issuer() -> Vec<u8> {
    der(300, 0xbf)
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn sf(bytes: &[u8]) -> String {
    format!(":{}:", base64(bytes))
}

/// RFC 7468, 64 characters a line.
fn pem(der: &[u8]) -> String {
    let body = base64(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// As `NGX_ESCAPE_URI_COMPONENT` and Envoy do.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// With `+=/` as safe characters.
fn aws(text: &str) -> String {
    text.replace('\n', "%0A").replace(' ', "%20")
}

fn one_line(text: &str) -> String {
    text.replace('\n', "")
}

type Read = Result<Option<Vec<Vec<u8>>>, Why>;

fn reading(format: Format, certificate: &[&str], chain: &[&str]) -> Read {
    let certificate: Vec<_> = certificate.iter().map(|value| value.as_bytes()).collect();
    let chain: Vec<_> = chain.iter().map(|value| value.as_bytes()).collect();
    let found = read(format, &certificate, &chain);
    found.map(|chain| chain.map(|all| all.iter().map(|one| one.to_vec()).collect()))
}

fn good(chain: &[Vec<u8>]) -> Read {
    Ok(Some(chain.to_vec()))
}

#[test]
fn each_product_is_read_as_it_writes() {
    let (leaf, issuer) = (leaf(), issuer());
    let (both, alone) = (good(&[leaf.clone(), issuer.clone()]), good(std::slice::from_ref(&leaf)));
    let concatenated = base64(&[leaf.clone(), issuer.clone()].concat());
    let two = pem(&leaf) + &pem(&issuer);
    let hash = "By=spiffe://bank.example/lb;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    let subject = r#"Subject="/C=FR/O=A \"quoted\", B;C=D/CN=x""#;
    let (cert, chain) = (format!("Cert=\"{}\"", escaped(&pem(&leaf))), format!("Chain=\"{}\"", escaped(&two)));
    for (format, certificate, others, expected) in [
        (Format::Rfc9440, sf(&leaf), None, &alone),
        (Format::Rfc9440, sf(&leaf), Some(sf(&issuer)), &both),
        (Format::Rfc9440, format!("  {} ", sf(&leaf)), Some(format!("{},\t{}", sf(&leaf), sf(&issuer))), &both),
        (Format::Nginx, escaped(&pem(&leaf)), None, &alone),
        (Format::HaProxy, base64(&leaf), None, &alone),
        (Format::HaProxy, base64(&leaf), Some(base64(&issuer)), &both),
        (Format::HaProxy, base64(&leaf), Some(concatenated), &both),
        (Format::Envoy, cert.clone(), None, &alone),
        (Format::Envoy, chain.clone(), None, &both),
        (Format::Envoy, format!("{hash};{cert};{subject};{chain};URI=;DNS=a.example;DNS=b.example"), None, &both),
        (Format::Envoy, format!("Hash=00;cert={}", escaped(&pem(&leaf))), None, &alone),
        (Format::BigIp, base64(&leaf), None, &alone),
        (Format::BigIp, one_line(&pem(&leaf)), None, &alone),
        (Format::BigIp, pem(&leaf).replace('\n', " ").trim_end().to_owned(), None, &alone),
        (Format::AwsAlb, aws(&pem(&leaf)), None, &alone),
        (Format::AwsAlb, aws(&two), None, &both),
        (Format::AwsAlb, escaped(&two), None, &both),
        (Format::AzureAppService, base64(&leaf), None, &alone),
        (Format::AzureApplicationGateway, escaped(&pem(&leaf)), None, &alone),
    ] {
        let others: Vec<_> = others.iter().map(String::as_str).collect();
        assert_eq!(&reading(format, &[&certificate], &others), expected, "{format:?} {certificate:.80}");
    }
}

#[test]
fn what_is_not_exactly_that_is_refused_with_one_reason() {
    let (leaf, issuer) = (leaf(), issuer());
    let two = pem(&leaf) + &pem(&issuer);
    let (cert, chain) = (format!("Cert=\"{}\"", escaped(&pem(&leaf))), format!("Chain=\"{}\"", escaped(&two)));
    let without_padding = base64(&leaf).trim_end_matches('=').to_owned();
    assert_ne!(without_padding, base64(&leaf));
    for (format, certificate, why) in [
        // RFC 9440
        (Format::Rfc9440, base64(&leaf), Why::BadEncoding),
        (Format::Rfc9440, sf(&leaf) + ";a", Why::BadEncoding),
        (Format::Rfc9440, sf(&leaf) + ", " + &sf(&issuer), Why::BadEncoding),
        (Format::Rfc9440, sf(&leaf) + " x", Why::BadEncoding),
        (Format::Rfc9440, sf(&leaf)[..90].to_owned(), Why::BadEncoding),
        (Format::Rfc9440, "\"MAA=\"".into(), Why::BadEncoding),
        (Format::Rfc9440, "::".into(), Why::NotACertificate),
        (Format::Rfc9440, sf(&[leaf.clone(), issuer.clone()].concat()), Why::NotACertificate),
        (Format::Rfc9440, sf(&leaf[..699]), Why::NotACertificate),
        // nginx
        (Format::Nginx, escaped(&two), Why::SeveralCertificates),
        (Format::Nginx, escaped(&pem(&leaf)) + "x", Why::BadEncoding),
        (Format::Nginx, "x".to_owned() + &escaped(&pem(&leaf)), Why::BadEncoding),
        (Format::Nginx, escaped(&pem(&leaf)).replace("%2B", "%2"), Why::BadEncoding),
        (Format::Nginx, escaped(&pem(&leaf)).replace("%2B", "%+B"), Why::BadEncoding),
        (Format::Nginx, escaped(&pem(&leaf)) + "%", Why::BadEncoding),
        (Format::Nginx, escaped(&pem(&leaf)).replace("CERTIFICATE", "TRUSTED%20CERTIFICATE"), Why::BadEncoding),
        (Format::Nginx, escaped(&pem(&leaf)).replace("-----END%20CERTIFICATE-----", ""), Why::BadEncoding),
        (Format::Nginx, escaped("-----BEGIN CERTIFICATE----------END CERTIFICATE-----"), Why::NotACertificate),
        (Format::Nginx, base64(&leaf), Why::BadEncoding),
        (Format::Nginx, "%20%0A".into(), Why::NoCertificate),
        (Format::Nginx, "(null)".into(), Why::BadEncoding),
        // HAProxy and Azure App Service
        (Format::HaProxy, sf(&leaf), Why::BadEncoding),
        (Format::HaProxy, without_padding, Why::BadEncoding),
        (Format::HaProxy, base64(&leaf).replace('+', "-"), Why::BadEncoding),
        (Format::HaProxy, base64(&leaf) + " ", Why::BadEncoding),
        (Format::HaProxy, base64(&[leaf.clone(), issuer.clone()].concat()), Why::SeveralCertificates),
        (Format::HaProxy, base64(&[&leaf[..], &[0]].concat()), Why::NotACertificate),
        (Format::AzureAppService, escaped(&pem(&leaf)), Why::BadEncoding),
        (Format::AzureAppService, base64(b"hello"), Why::NotACertificate),
        // Envoy
        (Format::Envoy, format!("{cert},{cert}"), Why::SeveralElements),
        (Format::Envoy, format!("Hash=00,{cert}"), Why::SeveralElements),
        (Format::Envoy, format!("{cert},"), Why::SeveralElements),
        (Format::Envoy, format!("{cert};{cert}"), Why::Repeated),
        (Format::Envoy, format!("{cert};CERT=\"\""), Why::Repeated),
        (Format::Envoy, "Hash=00;Subject=\"/CN=x\"".into(), Why::NoCertificate),
        (Format::Envoy, "Cert=".into(), Why::NoCertificate),
        (Format::Envoy, format!("Cert=\"{}\";{chain}", escaped(&pem(&issuer))), Why::OtherChain),
        (Format::Envoy, format!("Cert=\"{}\"", escaped(&two)), Why::SeveralCertificates),
        (Format::Envoy, format!("{cert};"), Why::BadEncoding),
        (Format::Envoy, format!("{cert} "), Why::BadEncoding),
        (Format::Envoy, cert[..cert.len() - 1].to_owned(), Why::BadEncoding),
        (Format::Envoy, format!("Hash=00;{}\\", &cert[..cert.len() - 1]), Why::BadEncoding),
        (Format::Envoy, escaped(&pem(&leaf)), Why::BadEncoding),
        // F5
        (Format::BigIp, one_line(&two), Why::SeveralCertificates),
        (Format::BigIp, one_line(&pem(&leaf)) + ";", Why::BadEncoding),
        (Format::BigIp, escaped(&pem(&leaf)), Why::BadEncoding),
        // AWS and Azure Application Gateway
        (Format::AwsAlb, aws(&two.replace("-----\n-----", "-----\nx\n-----")), Why::BadEncoding),
        (Format::AwsAlb, aws(&pem(&leaf)).replace('+', "%20"), Why::NotACertificate),
        (Format::AzureApplicationGateway, escaped(&two), Why::SeveralCertificates),
        (Format::AzureApplicationGateway, base64(&leaf), Why::BadEncoding),
    ] {
        assert_eq!(reading(format, &[&certificate], &[]), Err(why), "{format:?} {certificate:.80}");
    }
}

#[test]
fn every_format_refuses_what_is_there_twice_empty_alone_or_too_much() {
    let text = |format: Format, der: &[u8]| match format {
        Format::Rfc9440 => sf(der),
        Format::Nginx | Format::AwsAlb | Format::AzureApplicationGateway => escaped(&pem(der)),
        Format::HaProxy | Format::BigIp | Format::AzureAppService => base64(der),
        Format::Envoy => format!("Cert=\"{}\"", escaped(&pem(der))),
    };
    for format in Format::ALL {
        let one = text(format, &leaf());
        assert_eq!(reading(format, &[], &[]), Ok(None));
        assert_eq!(reading(format, &[&one, &one], &[]), Err(Why::Repeated));
        assert_eq!(reading(format, &[&one], &[&one, &one]), Err(Why::Repeated));
        assert_eq!(reading(format, &[""], &[]), Err(Why::Empty));
        assert_eq!(reading(format, &[&one], &[""]), Err(Why::Empty));
        assert_eq!(reading(format, &[], &[&one]), Err(Why::ChainAlone));
        let most = der(16 << 10, 7);
        assert_eq!(reading(format, &[&text(format, &most)], &[]), good(&[most]), "{format:?}");
        assert_eq!(reading(format, &[&text(format, &der((16 << 10) + 1, 7))], &[]), Err(Why::TooLarge), "{format:?}");
        assert_eq!(reading(format, &[&"A".repeat(MAX_TEXT + 1)], &[]), Err(Why::TooLarge), "{format:?}");
    }
    let chains = |size: usize, count: u8| (1..=count).map(|filling| der(size, filling)).collect::<Vec<_>>();
    let leaf = der(200, 0);
    for (size, count, expected) in
        [(200, 7, None), (200, 8, Some(Why::TooMany)), (16_000, 3, None), (16_380, 3, Some(Why::TooLarge)), (200, 40, Some(Why::TooMany))]
    {
        let others = chains(size, count);
        let all = [vec![leaf.clone()], others.clone()].concat();
        let expected = || expected.map_or_else(|| good(&all), Err);
        let list = others.iter().map(|one| sf(one)).collect::<Vec<_>>().join(", ");
        assert_eq!(reading(Format::Rfc9440, &[&sf(&leaf)], &[&list]), expected(), "{size} {count}");
        assert_eq!(reading(Format::HaProxy, &[&base64(&leaf)], &[&base64(&others.concat())]), expected(), "{size} {count}");
        let pems: String = all.iter().map(|one| escaped(&pem(one))).collect();
        assert_eq!(reading(Format::AwsAlb, &[&pems], &[]), expected(), "{size} {count}");
        assert_eq!(reading(Format::Envoy, &[&format!("Chain=\"{pems}\"")], &[]), expected(), "{size} {count}");
    }
    for others in ["x".to_owned(), format!("({})", sf(&leaf)), sf(&leaf) + ",", sf(&leaf) + ";q=1"] {
        assert_eq!(reading(Format::Rfc9440, &[&sf(&leaf)], &[&others]), Err(Why::BadEncoding), "{others:.80}");
    }
    assert_eq!(reading(Format::HaProxy, &[&base64(&leaf)], &[&base64(&leaf[1..])]), Err(Why::NotACertificate));
}

#[test]
fn names_and_headers_of_formats_are_distinct_and_in_lower_case() {
    let names: std::collections::BTreeSet<_> = Format::ALL.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), Format::ALL.len());
    let headers = Format::ALL.into_iter().flat_map(|format| [Some(format.header()), format.chain_header()]).flatten();
    assert!(headers.chain(OTHER_HEADERS).all(|name| name == name.to_ascii_lowercase()));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(certificate: Vec<u8>, chain: Option<Vec<u8>>, text in "[A-Za-z0-9+/=%:;,\"\\\\ .-]{0,200}") {
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        for format in Format::ALL {
            let _ = read(format, &[&certificate], &chain);
            let _ = read(format, &[text.as_bytes()], &chain);
        }
    }

    /// Whatever is accepted after a change is what was meant, or plain DER within the bounds.
    #[test]
    fn a_changed_byte_is_refused_or_gives_bounded_der(at in 0..2_000usize, byte: u8) {
        for (format, text) in [
            (Format::Rfc9440, sf(&leaf())),
            (Format::Nginx, escaped(&pem(&leaf()))),
            (Format::Envoy, format!("Hash=00;Cert=\"{}\"", escaped(&pem(&leaf())))),
            (Format::BigIp, one_line(&pem(&leaf()))),
        ] {
            let mut bytes = text.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(Some(chain)) = read(format, &[&bytes], &[]) {
                prop_assert!(chain.len() == 1 && der::only(&chain[0], der::SEQUENCE).is_ok());
            }
        }
    }
}
