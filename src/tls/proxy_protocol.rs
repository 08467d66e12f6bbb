//! The PROXY protocol, version 2 (HAProxy, The PROXY protocol, s2.2): a balancer that forwards bytes says whose they are.

use ppp::v2::{Addresses, Command, Header, PROTOCOL_PREFIX, ParseError, Protocol};
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Signature, version and command, family and protocol, length.
const FIXED_BYTES: usize = 16;
/// s2.2: addresses of a unix socket are 216 bytes, and TLVs fit into a segment of 536 bytes, the smallest of TCP.
const MAX_BYTES: usize = 536;

/// Why a header was not accepted. The connection is closed, whatever it was to say.
#[derive(Debug)]
pub(super) enum HeaderRefusal {
    /// The bytes are another protocol's: TLS at once, or version 1.
    Missing,
    Malformed,
    /// Above 536 bytes.
    TooLong,
    /// A proxied connection that is not TCP over IP: nobody could be told from it.
    NoAddress,
    /// The peer left in the middle of it.
    BrokenOff,
}

impl HeaderRefusal {
    /// For the metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::NoAddress => "no_address",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// Reads the header and not a byte more. `None`: the balancer speaks for itself (LOCAL, such as a health check).
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderRefusal> {
    let mut bytes = [0; MAX_BYTES];
    // no longer than the shortest thing said instead, an HTTP request or a TLS record, is waited for
    exactly(stream, &mut bytes[..PROTOCOL_PREFIX.len()]).await?;
    if bytes[..PROTOCOL_PREFIX.len()] != *PROTOCOL_PREFIX {
        return Err(HeaderRefusal::Missing);
    }
    exactly(stream, &mut bytes[PROTOCOL_PREFIX.len()..FIXED_BYTES]).await?;
    let end = FIXED_BYTES + usize::from(u16::from_be_bytes([bytes[FIXED_BYTES - 2], bytes[FIXED_BYTES - 1]]));
    if end > MAX_BYTES {
        return Err(HeaderRefusal::TooLong);
    }
    exactly(stream, &mut bytes[FIXED_BYTES..end]).await?;
    announced(&bytes[..end])
}

async fn exactly(stream: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<(), HeaderRefusal> {
    stream.read_exact(into).await.map(drop).map_err(|_| HeaderRefusal::BrokenOff)
}

fn announced(bytes: &[u8]) -> Result<Option<SocketAddr>, HeaderRefusal> {
    let header = Header::try_from(bytes).map_err(|_: ParseError| HeaderRefusal::Malformed)?;
    if header.tlvs().any(|tlv| tlv.is_err()) {
        return Err(HeaderRefusal::Malformed);
    }
    match header.command {
        Command::Local => Ok(None),
        Command::Proxy => source(&header).map(Some).ok_or(HeaderRefusal::NoAddress),
    }
}

fn source(header: &Header<'_>) -> Option<SocketAddr> {
    match (header.protocol, header.addresses) {
        (Protocol::Stream, Addresses::IPv4(ip)) => Some((ip.source_address, ip.source_port).into()),
        (Protocol::Stream, Addresses::IPv6(ip)) => Some((IpAddr::from(ip.source_address).to_canonical(), ip.source_port).into()),
        (Protocol::Stream, Addresses::Unspecified | Addresses::Unix(_)) | (Protocol::Unspecified | Protocol::Datagram, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header: version and command, family and protocol, what follows the length.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [PROTOCOL_PREFIX, &[command, family], &length, rest].concat()
    }

    async fn said(bytes: &[u8]) -> Result<Option<String>, &'static str> {
        let answer = read(&mut &*bytes).await;
        answer.map(|address| address.map(|a| a.to_string())).map_err(|refusal| refusal.name())
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x80, 0, 1, 187];

    #[tokio::test]
    async fn a_header_says_who_comes_or_is_refused() {
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        v6[15] = 9;
        v6[32..34].copy_from_slice(&[0x12, 0x34]);
        let mut mapped = [0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 198, 51, 100, 3]);
        let tlvs = [&V4[..], &[4, 0, 2, 1, 2], &[0x20, 0, 0]].concat();
        let broken_tlv = [&V4[..], &[4, 0, 200, 1]].concat();
        let most = [&V4[..], &[4, 1, 249], &[0; 505]].concat();
        for (bytes, expected) in [
            (header(0x21, 0x11, &V4), Ok(Some("203.0.113.7:32768"))),
            (header(0x21, 0x21, &v6), Ok(Some("[2001:db8::9]:4660"))),
            (header(0x21, 0x21, &mapped), Ok(Some("198.51.100.3:0"))),
            (header(0x21, 0x11, &tlvs), Ok(Some("203.0.113.7:32768"))),
            (header(0x21, 0x11, &most), Ok(Some("203.0.113.7:32768"))),
            (header(0x20, 0x00, &[]), Ok(None)),
            (header(0x20, 0x11, &V4), Ok(None)),
            (header(0x21, 0x00, &[]), Err("no_address")),
            (header(0x21, 0x12, &V4), Err("no_address")),
            (header(0x21, 0x31, &[0; 216]), Err("no_address")),
            (header(0x11, 0x11, &V4), Err("malformed")),
            (header(0x22, 0x11, &V4), Err("malformed")),
            (header(0x21, 0x41, &V4), Err("malformed")),
            (header(0x21, 0x11, &V4[..11]), Err("malformed")),
            (header(0x21, 0x11, &broken_tlv), Err("malformed")),
            (header(0x21, 0x11, &[0; 521]), Err("too_long")),
            (header(0x21, 0x11, &[0; 65_535]), Err("too_long")),
            (header(0x21, 0x11, &V4)[..27].to_vec(), Err("broken_off")),
            (b"\r\n".to_vec(), Err("broken_off")),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 32768 443\r\n".to_vec(), Err("missing")),
            ([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 0].to_vec(), Err("missing")),
        ] {
            assert_eq!(said(&bytes).await, expected.map(|a: Option<&str>| a.map(str::to_owned)), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn not_a_byte_more_is_read() {
        let bytes = [header(0x21, 0x11, &V4), b"hello".to_vec()].concat();
        let mut stream = &bytes[..];
        assert!(read(&mut stream).await.is_ok());
        assert_eq!(stream, b"hello");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(command: u8, family: u8, rest in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = header(command, family, &rest);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(said(&bytes));
            let _ = announced(&rest);
        }
    }
}
