//! Point lists read straight from their text: decoded, a list of a million points would
//! take half a gigabyte.

/// The rows of an `IfcCartesianPointList2D` or `3D`, from the text of its record. Rows
/// that are not two or three numbers are left out.
pub(super) fn rows(record: &[u8]) -> impl Iterator<Item = [f64; 3]> + '_ {
    let body = record.iter().position(|byte| *byte == b'(').map_or(&[][..], |at| &record[at + 1..]);
    body.split(|byte| *byte == b'(').filter_map(|row| {
        let end = row.iter().position(|byte| *byte == b')')?;
        let mut values = row[..end].split(|byte| *byte == b',').map(number);
        let (x, y) = (values.next()??, values.next()??);
        let z = match values.next() {
            Some(z) => z?,
            None => 0.0,
        };
        Some([x, y, z])
    })
}

fn number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_of_two_and_three_and_skips_the_rest() {
        let text =
            b"#7= IFCCARTESIANPOINTLIST3D(((0.,1.,-2.5E1),( 3. , 4.),(),(a,b),(1.E999,0.)),$);";
        let found: Vec<[f64; 3]> = rows(text).collect();
        assert_eq!(found, [[0.0, 1.0, -25.0], [3.0, 4.0, 0.0]]);
        assert_eq!(rows(b"garbage").count(), 0);
    }
}
