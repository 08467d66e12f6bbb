//! Whether a resolver vouches that what the DNS says of a host was signed (DNSSEC): questions and what their answers are good for.

use super::{Check, Finding};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use std::net::{IpAddr, SocketAddr};

const PORT: u16 = 53;
/// As the system's own resolver takes of them.
const MOST_RESOLVERS: usize = 3;

/// What became of the questions for a host.
pub struct Vouched {
    /// `https://host[:port]`.
    pub origin: String,
    /// Whether the resolver checked signatures and found them good, or why it does not say.
    pub signed: Result<bool, String>,
}

impl Vouched {
    pub fn judge(&self) -> Option<Finding> {
        let seen = match &self.signed {
            Ok(true) => return None,
            Ok(false) => "the answer is not marked as authentic (AD)",
            Err(why) => why,
        };
        Some(Finding::new(Check::DnssecMissing, &self.origin, seen))
    }
}

/// The `nameserver` lines of `/etc/resolv.conf`. An address with a zone is left out.
pub fn resolvers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.starts_with([' ', '\t']).then(|| rest.split_whitespace().next())?);
    addresses.filter_map(|address| Some((address.parse::<IpAddr>().ok()?, PORT).into())).take(MOST_RESOLVERS).collect()
}

/// For an address of `host`. RFC 6840 s5.7: the AD bit in a question asks for it in the answer, without the signatures themselves.
pub fn question(host: &str, id: u16) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::AUTHENTIC_DATA);
    packet.questions.push(asked(host)?);
    packet.build_bytes_vec().ok()
}

fn asked(host: &str) -> Option<Question<'_>> {
    Some(Question::new(Name::new(host).ok()?, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false))
}

/// What the answer to that question says; `None`: it is no answer to it. That there is no such address may be signed, too.
pub fn answer(bytes: &[u8], host: &str, id: u16) -> Option<Result<bool, String>> {
    let packet = Packet::parse(bytes).ok()?;
    let question = asked(host)?;
    let same = |sent: &Question<'_>| {
        sent.qname.to_string().eq_ignore_ascii_case(&question.qname.to_string())
            && sent.qtype == question.qtype
            && sent.qclass == question.qclass
    };
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !matches!(packet.questions.as_slice(), [only] if same(only)) {
        return None;
    }
    let rcode = packet.rcode();
    Some(if rcode == RCODE::ServerFailure {
        Err("the resolver failed (SERVFAIL): if others do not, the signatures are wrong".to_owned())
    } else if rcode == RCODE::NoError || rcode == RCODE::NameError {
        Ok(packet.has_flags(PacketFlag::AUTHENTIC_DATA))
    } else {
        Err(format!("the resolver answers {rcode:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOST: &str = "auth.bank.example";

    fn reply(host: &str, id: u16, flags: PacketFlag, rcode: RCODE) -> Vec<u8> {
        let mut packet = Packet::new_reply(id);
        packet.set_flags(flags);
        *packet.rcode_mut() = rcode;
        packet.questions.push(asked(host).unwrap());
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn a49_an_answer_is_authentic_when_it_says_so_and_is_ours() {
        let (ad, none) = (PacketFlag::AUTHENTIC_DATA, PacketFlag::empty());
        for (bytes, verdict) in [
            (reply(HOST, 7, ad, RCODE::NoError), Some(Ok(true))),
            (reply("AUTH.bank.EXAMPLE", 7, ad, RCODE::NoError), Some(Ok(true))),
            (reply(HOST, 7, none, RCODE::NoError), Some(Ok(false))),
            (reply(HOST, 7, ad, RCODE::NameError), Some(Ok(true))),
            (reply(HOST, 7, ad | PacketFlag::TRUNCATION, RCODE::NoError), Some(Ok(true))),
            (reply(HOST, 8, ad, RCODE::NoError), None),
            (reply("other.example", 7, ad, RCODE::NoError), None),
            (question(HOST, 7).unwrap(), None),
            (b"garbage".to_vec(), None),
            (vec![], None),
        ] {
            assert_eq!(answer(&bytes, HOST, 7), verdict);
        }
        for rcode in [RCODE::ServerFailure, RCODE::Refused, RCODE::NotImplemented] {
            assert!(answer(&reply(HOST, 7, ad, rcode), HOST, 7).unwrap().is_err());
        }
        let sent = question(HOST, 7).unwrap();
        let sent = Packet::parse(&sent).unwrap();
        assert!(sent.has_flags(ad | PacketFlag::RECURSION_DESIRED) && sent.questions.len() == 1);
        assert!(question(&"a".repeat(64), 7).is_none());
    }

    #[test]
    fn resolvers_are_read_as_the_system_reads_them() {
        let text = "# a\nsearch bank.example\nnameserver 192.0.2.1\n\tnameserver\t2001:db8::1 # b\nnameserver fe80::1%eth0\nnameservers 192.0.2.9\n\
                    nameserver\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"].map(|address| address.parse().unwrap());
        assert_eq!(resolvers(text), expected);
        assert_eq!(resolvers(""), []);
    }

    proptest! {
        #[test]
        fn a49_no_bytes_of_a_stranger_are_more_than_an_answer(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..40, byte: u8) {
            let _ = answer(&bytes, HOST, 7);
            // near to a good one
            let mut near = reply(HOST, 7, PacketFlag::AUTHENTIC_DATA, RCODE::NoError);
            if let Some(changed) = near.get_mut(at) {
                *changed = byte;
            }
            near.append(&mut bytes);
            let _ = answer(&near, HOST, 7);
        }
    }
}
