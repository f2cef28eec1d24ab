//! Long lists of numbers as plain little-endian bytes, for `#[serde(with = "packed::…")]`:
//! number by number they cost more than the geometry they describe.

/// Bytes as they are.
pub(crate) mod bytes {
    use std::fmt;

    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
        super::with_bytes(input, |bytes| Some(bytes.to_vec()))
    }

    /// Hands the bytes that a deserializer holds to a function.
    pub(super) struct Visitor<F>(pub(super) F);

    impl<T, F: FnOnce(&[u8]) -> Option<T>> de::Visitor<'_> for Visitor<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("whole numbers as bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
            (self.0)(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &"whole numbers"))
        }
    }
}

fn with_bytes<'de, D: serde::Deserializer<'de>, T>(
    input: D,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, D::Error> {
    input.deserialize_bytes(bytes::Visitor(read))
}

/// Numbers of four bytes each.
macro_rules! four_bytes {
    ($name:ident, $number:ty) => {
        pub(crate) mod $name {
            use serde::{Deserializer, Serializer};

            pub(crate) fn serialize<S: Serializer>(
                numbers: &[$number],
                out: S,
            ) -> Result<S::Ok, S::Error> {
                let mut bytes = vec![0; numbers.len() * 4];
                for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
                    place.copy_from_slice(&number.to_le_bytes());
                }
                out.serialize_bytes(&bytes)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                input: D,
            ) -> Result<Vec<$number>, D::Error> {
                super::with_bytes(input, |bytes| {
                    let number = |b: &[u8]| <$number>::from_le_bytes([b[0], b[1], b[2], b[3]]);
                    let whole = bytes.len().is_multiple_of(4);
                    whole.then(|| bytes.chunks_exact(4).map(number).collect())
                })
            }
        }
    };
}

four_bytes!(f32s, f32);
four_bytes!(u32s, u32);

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct All {
        #[serde(with = "super::bytes")]
        bytes: Vec<u8>,
        #[serde(with = "super::f32s")]
        floats: Vec<f32>,
        #[serde(with = "super::u32s")]
        wholes: Vec<u32>,
    }

    #[test]
    fn numbers_survive_and_halves_are_refused() {
        let all =
            All { bytes: vec![7, 0, 255], floats: vec![-1.5, 0.1], wholes: vec![0, u32::MAX] };
        let wire = postcard::to_stdvec(&all).unwrap();
        // A length before each list, and nothing else.
        assert_eq!(wire.len(), 3 + 3 + 8 + 8);
        assert_eq!(postcard::from_bytes::<All>(&wire).unwrap(), all);
        // Three bytes where numbers of four should be.
        let torn = [0, 3, 1, 2, 3, 0];
        assert!(postcard::from_bytes::<All>(&torn).is_err());
    }
}
