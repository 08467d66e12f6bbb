//! SHA-256 as people write it.

/// Lower-case hexadecimal.
pub fn hex(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Hexadecimal in either case, with or without colons between the octets.
pub fn read(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = match text.len() {
        64 => text.bytes().collect(),
        95 => text.split(':').filter(|pair| pair.len() == 2).flat_map(str::bytes).collect(),
        _ => return None,
    };
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
