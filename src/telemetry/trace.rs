//! W3C Trace Context level 1: which trace a request is part of. What does not read exactly begins a new one.

use std::fmt;

/// s3.3.1.1: a longer list need not be carried on.
const LONGEST_STATE: usize = 512;
const MOST_MEMBERS: usize = 32;
/// s3.2.2.5: the caller kept its part.
const SAMPLED: u8 = 1;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// This request's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub id: TraceId,
    /// This request, by our own name.
    pub span: SpanId,
    /// The caller's span; `None`: the trace begins here.
    pub parent: Option<SpanId>,
    flags: u8,
    /// The `tracestate` list of those before us, handed on as it came.
    state: Option<Box<str>>,
}

impl TraceId {
    /// From 16 bytes of which the last seven are random (level 2 s3.2.2.3): a UUID of version 7 is.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// s3.2.2.4: all zeros are no id.
    pub fn new(random: [u8; 8]) -> Self {
        Self(if random == [0; 8] { [1; 8] } else { random })
    }

    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl Trace {
    /// One that begins here. `kept`: somebody will find it in a store of traces.
    pub const fn begin(id: TraceId, span: SpanId, kept: bool) -> Self {
        Self { id, span, parent: None, flags: if kept { SAMPLED } else { 0 }, state: None }
    }

    /// The caller's, where its headers are exact; each as often as it was sent.
    pub fn go_on<'h>(
        parents: impl IntoIterator<Item = &'h [u8]>,
        states: impl IntoIterator<Item = &'h [u8]>,
        span: SpanId,
    ) -> Option<Self> {
        let mut parents = parents.into_iter();
        let (id, parent, flags) = read_parent(parents.next()?)?;
        if parents.next().is_some() {
            return None;
        }
        Some(Self { id, span, parent: Some(parent), flags, state: read_state(states) })
    }

    pub const fn is_kept(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// `traceparent` of whom we ask: we are the parent.
    pub fn outgoing(&self) -> String {
        format!("00-{}-{}-{:02x}", self.id, self.span, self.flags)
    }

    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// s3.2.2: `version-traceid-parentid-flags` in lower-case hexadecimal. Of a later version what this one knows.
fn read_parent(text: &[u8]) -> Option<(TraceId, SpanId, u8)> {
    let (known, rest) = text.split_at_checked(55)?;
    if [2, 35, 52].iter().any(|dash| known[*dash] != b'-') {
        return None;
    }
    let ([version], id, parent, [flags]) = (hex(&known[..2])?, hex(&known[3..35])?, hex(&known[36..52])?, hex(&known[53..])?);
    let whole = match version {
        0 => rest.is_empty(),
        0xff => false,
        1..0xff => matches!(rest, [] | [b'-', ..]),
    };
    // s3.2.2.5: of the flags only "sampled" is known, and only that is handed on
    (whole && id != [0; 16] && parent != [0; 8]).then_some((TraceId(id), SpanId(parent), flags & SAMPLED))
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// s3.3.1: several headers are one list. One bad member spoils it all; the trace goes on without.
fn read_state<'h>(headers: impl IntoIterator<Item = &'h [u8]>) -> Option<Box<str>> {
    let mut list = String::new();
    for header in headers {
        let text = str::from_utf8(header).ok()?.trim_matches([' ', '\t']);
        if list.len() + text.len() >= LONGEST_STATE {
            return None;
        }
        list.extend((!list.is_empty()).then_some(','));
        list.push_str(text);
    }
    let members: Vec<_> = list.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()).collect();
    let keys: Vec<_> = members.iter().map(|member| read_member(member)).collect::<Option<_>>()?;
    let twice = keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key));
    (!members.is_empty() && members.len() <= MOST_MEMBERS && !twice).then(|| members.join(",").into())
}

/// s3.3.1.3: the key of `key=value`.
fn read_member(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let (tenant, system) = key.split_once('@').map_or((None, key), |(tenant, system)| (Some(tenant), system));
    let word = |text: &str, longest: usize, first_digit: bool| {
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || (first_digit && c.is_ascii_digit()));
        let rest = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-' | b'*' | b'/');
        first && text.len() <= longest && text.bytes().all(rest)
    };
    let key_reads = match tenant {
        Some(tenant) => word(tenant, 241, true) && word(system, 14, false),
        None => word(system, 256, false),
    };
    let value_reads =
        (1..=256).contains(&value.len()) && !value.ends_with(' ') && value.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'=');
    (key_reads && value_reads).then_some(key)
}

macro_rules! shown_as_hex {
    ($id:ty) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                // in one piece: each request line has two of them
                let mut text = [0; 2 * size_of::<Self>()];
                for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
                    pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
                }
                f.write_str(str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

shown_as_hex!(TraceId);
shown_as_hex!(SpanId);

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn go_on(parents: &[&str], states: &[&str]) -> Option<Trace> {
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let (parents, states) = (bytes(parents), bytes(states));
        Trace::go_on(parents.iter().map(Vec::as_slice), states.iter().map(Vec::as_slice), SpanId::new([7; 8]))
    }

    #[test]
    fn a_trace_goes_on_where_its_header_is_exact() {
        let trace = go_on(&[PARENT], &[]).unwrap();
        assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!(trace.outgoing(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
        assert!(trace.is_kept());
        let later = format!("cc{}-what-comes", &PARENT[2..]);
        assert_eq!(go_on(&[&later], &[]).unwrap().outgoing(), trace.outgoing());
        let other_flags = format!("{}fe", &PARENT[..53]);
        assert_eq!(go_on(&[&other_flags], &[]).unwrap().outgoing(), format!("{}00", &trace.outgoing()[..53]));
    }

    #[test]
    fn anything_else_begins_a_new_one() {
        let spoilt = [
            String::new(),
            PARENT[..54].to_owned(),
            format!("{PARENT}-"),
            format!("{PARENT} "),
            format!(" {PARENT}"),
            format!("ff{}", &PARENT[2..]),
            format!("0g{}", &PARENT[2..]),
            format!("cc{}.", &PARENT[2..]),
            PARENT.to_uppercase(),
            PARENT.replace('-', "_"),
            PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            PARENT.replace("-01", "-0é"),
        ];
        for text in &spoilt {
            assert_eq!(go_on(&[text], &[]), None, "{text:?}");
        }
        assert_eq!(go_on(&[PARENT, PARENT], &[]), None);
        assert_eq!(go_on(&[], &["a=1"]), None);
    }

    #[test]
    fn the_list_of_those_before_is_handed_on_whole_or_not_at_all() {
        let handed_on = |states: &[&str]| go_on(&[PARENT], states).unwrap().state().map(str::to_owned);
        assert_eq!(handed_on(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).as_deref(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert_eq!(handed_on(&["a=1 , ,b=2", "0t@c=x y"]).as_deref(), Some("a=1,b=2,0t@c=x y"));
        let (long, many) = (format!("a={}", "x".repeat(257)), (0..33).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(","));
        for spoilt in ["", "a", "a=", "=1", "A=1", "0a=1", "a=1=2", "a=é", "a@b@c=1", "a@0b=1", "a=1,a=2", "a=\u{1}", &long, &many] {
            assert_eq!(handed_on(&[spoilt]), None, "{spoilt:?}");
        }
        assert_eq!(handed_on(&[&"a=1,".repeat(2), &format!("b={}", "x".repeat(250)), &format!("c={}", "x".repeat(250))]), None);
    }

    #[test]
    fn no_id_is_all_zeros() {
        assert_eq!(SpanId::new([0; 8]).to_string(), "0101010101010101");
        let begun = Trace::begin(TraceId::new([0xab; 16]), SpanId::new([1; 8]), false);
        assert_eq!(begun.outgoing(), format!("00-{}-0101010101010101-00", "ab".repeat(16)));
    }
}
