//! Any header values give a chain within the bounds of a handshake, or one refusal. Seed with a header per format.
#![no_main]

use guichet::pki::forwarded::{Format, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the format; a line feed, which no header can hold, parts the two values.
    let Some((choice, rest)) = bytes.split_first() else { return };
    let format = Format::ALL[usize::from(*choice) % Format::ALL.len()];
    let mut values = rest.splitn(2, |byte| *byte == b'\n');
    let (certificate, others) = (values.next().unwrap_or_default(), values.next());
    let others: Vec<&[u8]> = others.into_iter().collect();
    if let Ok(Some(chain)) = read(format, &[certificate], &others) {
        assert!((1..=8).contains(&chain.len()));
        assert!(chain.iter().all(|one| one.first() == Some(&0x30) && one.len() <= 16 << 10));
        assert!(chain.iter().map(|one| one.len()).sum::<usize>() <= 48 << 10);
    }
});
