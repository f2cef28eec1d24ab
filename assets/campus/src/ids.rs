//! Stable identifiers out of names, and the small random generator of the campus.

/// An IFC GlobalId (22 characters, 128 bits) out of a name; the same name gives the same id.
pub(crate) fn global_id(name: &str) -> String {
    const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$";
    let mut bits = fnv128(name);
    let mut out = [0_u8; 22];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(bits & 63) as usize];
        bits >>= 6;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// FNV-1a in 128 bits: no secret is kept here, only names told apart.
fn fnv128(name: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in name.bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    }
    hash
}

/// SplitMix64: small, seeded, the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator for one purpose (`name`) of one campus (`seed`).
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        Random(seed ^ (fnv128(name) >> 64) as u64 ^ fnv128(name) as u64)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly spread in `low..high`.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Evenly spread in `0..bound`.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.range(0.0, 1.0) < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_22_characters_and_start_within_two_bits() {
        let id = global_id("T1/01F/IfcWall/1");
        assert_eq!(id.len(), 22);
        assert!(matches!(id.as_bytes()[0], b'0'..=b'3'));
        assert_ne!(id, global_id("T1/01F/IfcWall/2"));
    }
}
