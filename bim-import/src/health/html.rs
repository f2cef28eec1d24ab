//! Writing HTML: text escaped, everything in both languages.

use std::fmt::Write as _;

/// A text in both languages; the page shows the one that is chosen.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) zh: String,
    pub(super) en: String,
}

/// A text in both languages.
pub(super) fn text(zh: impl Into<String>, en: impl Into<String>) -> Text {
    Text { zh: zh.into(), en: en.into() }
}

impl Text {
    /// As HTML.
    pub(super) fn html(&self) -> String {
        let (zh, en) = (escape(&self.zh), escape(&self.en));
        format!("<span lang=\"zh-Hans\">{zh}</span><span lang=\"en\">{en}</span>")
    }
}

/// Text as it may stand in HTML, in attributes too; control characters are left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// 12345 as `12 345`, with a space that does not break.
pub(super) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1 storey`, `12 345 storeys`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A distance in metres, in no more digits than one has use for: `340 m`, `2.4 km`, `904 km`.
pub(super) fn distance(metres: f64) -> String {
    if metres < 995.0 {
        format!("{metres:.0} m")
    } else if metres < 9_950.0 {
        format!("{:.1} km", metres / 1_000.0)
    } else {
        // A distance is no negative number, and casting holds what is beyond all counts.
        format!("{} km", number((metres / 1_000.0).round() as usize))
    }
}

/// An image in the address itself.
pub(super) fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}

/// Bytes as text of 64 letters.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Appends formatted text; writing into a text cannot fail.
pub(super) fn add(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_model_says_becomes_markup() {
        let text = text("<b>", "\"a\" & 'b'\u{1}");
        assert!(text.html().contains("&lt;b&gt;"));
        assert!(text.html().contains("&quot;a&quot; &amp; &#39;b&#39; "));
    }

    #[test]
    fn numbers_and_images() {
        assert_eq!(number(7), "7");
        assert_eq!(counted(1, "tile", "tiles"), "1 tile");
        assert_eq!(counted(0, "tile", "tiles"), "0 tiles");
        let distances = [340.4, 2_449.0, 9_960.0, 904_111.0].map(distance);
        assert_eq!(distances, ["340 m", "2.4 km", "10 km", "904 km"]);
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(data_url(b"Man"), "data:image/png;base64,TWFu");
        assert_eq!(data_url(b"Ma"), "data:image/png;base64,TWE=");
        assert_eq!(data_url(b"M"), "data:image/png;base64,TQ==");
    }
}
