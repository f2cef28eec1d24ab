//! Records read from their text, as far as it takes to compare them: decoded, they would
//! cost more than drawing many of them.

/// The keyword of a record, `#12=IFCWALL(…)`.
pub(super) fn keyword(record: &[u8]) -> Option<&[u8]> {
    let body = body(record)?;
    let end = body.iter().position(|byte| *byte == b'(')?;
    Some(body[..end].trim_ascii())
}

/// What stands behind the `=`, without the semicolon.
pub(super) fn body(record: &[u8]) -> Option<&[u8]> {
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let body = record[equals + 1..].trim_ascii();
    Some(body.strip_suffix(b";").unwrap_or(body).trim_ascii_end())
}

/// An attribute as it is written.
pub(super) fn slot(record: &[u8], wanted: usize) -> Option<&[u8]> {
    let body = body(record)?;
    let open = body.iter().position(|byte| *byte == b'(')?;
    let inside = body[open + 1..].strip_suffix(b")")?;
    let (mut depth, mut in_string) = (0usize, false);
    let mut slots = inside.split(|byte| {
        match byte {
            b'\'' => in_string = !in_string,
            _ if in_string => {}
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' => return depth == 0,
            _ => {}
        }
        false
    });
    slots.nth(wanted).map(<[u8]>::trim_ascii)
}

/// `#12` as a name.
pub(super) fn reference(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"#")?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| digits[0].is_ascii_digit())
}

/// `(1.,2.,3.)`: two or three numbers.
pub(super) fn numbers(text: &[u8]) -> Option<[f64; 3]> {
    let inside = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut numbers = inside.split(|byte| *byte == b',').map(|number| {
        let number = std::str::from_utf8(number.trim_ascii()).ok()?;
        // Rust knows words for numbers that STEP does not.
        let plain = number.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
        number.parse().ok().filter(|number: &f64| plain && number.is_finite())
    });
    let (x, y) = (numbers.next()??, numbers.next()??);
    let z = numbers.next().unwrap_or(Some(0.0))?;
    numbers.next().is_none().then_some([x, y, z])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_told_apart_whatever_they_hold() {
        let record = b"#12= IFCWALL('a,(b''c',$,(#1,(#2)), #34 ,.T.);";
        assert_eq!(keyword(record), Some(&b"IFCWALL"[..]));
        let slots: Vec<_> = (0..6).map(|n| slot(record, n)).collect();
        assert_eq!(slots[0], Some(&b"'a,(b''c'"[..]));
        assert_eq!(slots[2], Some(&b"(#1,(#2))"[..]));
        assert_eq!(slots[3].and_then(reference), Some(34));
        assert_eq!(slots[4], Some(&b".T."[..]));
        assert_eq!(slots[5], None);
        assert_eq!(reference(b"#"), None);
        assert_eq!(reference(b"#+4"), None);
        assert_eq!(slot(b"no record", 0), None);
    }

    #[test]
    fn numbers_are_those_of_step() {
        assert_eq!(numbers(b"(1., -2.5E-1,3)"), Some([1.0, -0.25, 3.0]));
        assert_eq!(numbers(b"(1.,2.)"), Some([1.0, 2.0, 0.0]));
        for wrong in [&b"(1.)"[..], b"(1.,2.,3.,4.)", b"(nan,0.,0.)", b"1.,2.", b"(1.,#3)"] {
            assert_eq!(numbers(wrong), None);
        }
    }
}
