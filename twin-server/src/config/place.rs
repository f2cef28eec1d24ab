//! `decode` and what goes with it: how a payload is read, and where values stand in it.

use toml::Spanned;

use super::{
    error::Collector,
    raw::{RawBinding, RawCsv, RawFrame, RawRegister},
};
use crate::bindings::{
    Checksum, Csv, Decode, Frame, Order, Path, Place, Register, RegisterType, Sparkplug, TextForm,
    from_hex,
};

/// Why a JSONPath is out of place.
pub(super) const NO_TREE: &str = "a JSONPath needs `decode` \"json\", \"cbor\" or \"csv\"; \
     text and number take the whole payload, hex and binary a `register`";
/// Why a register is missing.
pub(super) const NO_REGISTER: &str = "hex and binary payloads need a \
     `register`, as in { at = 3, type = \"u16\" }";
const EXPECTED: &str = "expected \"json\", \"text\", \"number\", \"csv\", \"cbor\", \"hex\", \"binary\" or \"sparkplug-b\"";
/// Last byte a register may begin at.
const MAX_AT: usize = 65_535;
/// Longest text in a register, bytes.
const MAX_TEXT: usize = 256;

/// How the payload is read.
pub(super) fn decode(
    raw: &RawBinding,
    key: &impl Fn(&str) -> String,
    out: &mut Collector<'_>,
) -> Option<Decode> {
    let name = raw.decode.as_ref().map_or("json", |raw| raw.get_ref().as_str());
    let decode = match name {
        "json" => Decode::Json,
        "text" => Decode::Text,
        "number" => Decode::Number,
        "cbor" => Decode::Cbor,
        "csv" => Decode::Csv(csv(raw.csv.as_ref(), &key("csv"), out)),
        "hex" => Decode::Hex(frame(raw.frame.as_ref(), &key("frame"), out)),
        "binary" => Decode::Binary(frame(raw.frame.as_ref(), &key("frame"), out)),
        "sparkplug-b" => Decode::SparkplugB(Sparkplug {
            any_level: raw.topic.get_ref().ends_with("/#"),
            rebirth: raw.rebirth.as_ref().is_none_or(|rebirth| *rebirth.get_ref()),
        }),
        other => {
            let span = raw.decode.as_ref().map_or(0..0, Spanned::span);
            out.add(span, &key("decode"), format!("{other:?}: {EXPECTED}"));
            return None;
        }
    };
    if let (Some(rebirth), false) = (&raw.rebirth, matches!(decode, Decode::SparkplugB(_))) {
        out.add(rebirth.span(), &key("rebirth"), "needs `decode = \"sparkplug-b\"`");
    }
    if let (Some(csv), false) = (&raw.csv, matches!(decode, Decode::Csv(_))) {
        out.add(csv.span(), &key("csv"), "needs `decode = \"csv\"`");
    }
    if let (Some(frame), false) = (&raw.frame, decode.is_bytes()) {
        out.add(frame.span(), &key("frame"), "needs `decode = \"hex\"` or \"binary\"");
    }
    Some(decode)
}

/// That a topic can be one of Sparkplug B.
pub(super) fn sparkplug_topic(raw: &Spanned<String>, key: &str, out: &mut Collector<'_>) {
    let levels: Vec<&str> = raw.get_ref().split('/').collect();
    let any = |level: &str| level == "+" || level.starts_with('{');
    let fits = matches!(*levels, ["spBv1.0", group, kind, node] | ["spBv1.0", group, kind, node, _]
        if any(kind) && group != "#" && node != "#");
    if !fits {
        let why = "expected spBv1.0/{group}/+/{node} (nodes), spBv1.0/{group}/+/{node}/{device} \
                   (devices) or spBv1.0/{group}/+/{node}/# (both)";
        out.add(raw.span(), key, why);
    }
}

fn csv(raw: Option<&Spanned<RawCsv>>, key: &str, out: &mut Collector<'_>) -> Csv {
    let mut csv = Csv::default();
    let Some(raw) = raw.map(Spanned::get_ref) else { return csv };
    csv.header = raw.header;
    if let Some(delimiter) = &raw.delimiter {
        match delimiter.get_ref().as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => {
                csv.delimiter = *byte;
            }
            _ => out.add(
                delimiter.span(),
                &format!("{key}.delimiter"),
                "expected one ASCII character, such as \",\", \";\" or \"\\t\"",
            ),
        }
    }
    if let Some(columns) = &raw.columns {
        csv.columns.clone_from(columns.get_ref());
        let mut names: Vec<&String> = csv.columns.iter().collect();
        names.sort_unstable();
        if names.is_empty() || names.windows(2).any(|pair| pair[0] == pair[1]) {
            let key = format!("{key}.columns");
            out.add(columns.span(), &key, "expected names, each of them once");
        }
    }
    csv
}

fn frame(raw: Option<&Spanned<RawFrame>>, key: &str, out: &mut Collector<'_>) -> Frame {
    let mut frame = Frame::default();
    let Some(raw) = raw.map(Spanned::get_ref) else { return frame };
    if let Some(begins) = &raw.starts_with {
        let bytes = from_hex(begins.get_ref());
        let bytes = bytes.map_err(|why| format!("{why}; expected hex such as \"01 03\""));
        frame.starts_with.extend(
            out.take(begins.span(), &format!("{key}.starts_with"), bytes).unwrap_or_default(),
        );
    }
    frame.length = raw.length.as_ref().map(|length| *length.get_ref());
    if let Some(checksum) = &raw.checksum {
        frame.checksum = match checksum.get_ref().as_str() {
            "modbus" => Some(Checksum::ModbusCrc),
            "dlt645" => Some(Checksum::Dlt645),
            other => {
                let why = format!("{other:?}: expected \"modbus\" or \"dlt645\"");
                out.add(checksum.span(), &format!("{key}.checksum"), why);
                None
            }
        };
    }
    frame
}

/// A register of the payload, or of a text that stands at a path of it.
pub(super) fn register_place(
    raw: &Spanned<RawRegister>,
    path: Option<&Spanned<String>>,
    decode: &Decode,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<Place> {
    let register = register(raw.get_ref(), key, out)?;
    check_length(raw, &register, decode, key, out);
    let form = text_form(raw.get_ref().text.as_ref(), &format!("{key}.text"), out);
    match path {
        None if decode.is_bytes() => {
            if let Some(text) = &raw.get_ref().text {
                let why = "says how a text of a tree holds bytes; here the payload is the bytes";
                out.add(text.span(), &format!("{key}.text"), why);
            }
            Some(Place::Register(register))
        }
        Some(path) if decode.is_tree() => {
            let path = out.take(path.span(), key, Path::parse(path.get_ref()))?;
            Some(Place::Within(path, form, register))
        }
        Some(path) => {
            out.add(path.span(), key, NO_TREE);
            None
        }
        None => {
            let why = "needs `decode` \"hex\" or \"binary\", or the JSONPath of a text of bytes";
            out.add(raw.span(), key, why);
            None
        }
    }
}

fn check_length(
    raw: &Spanned<RawRegister>,
    register: &Register,
    decode: &Decode,
    key: &str,
    out: &mut Collector<'_>,
) {
    let (Decode::Hex(frame) | Decode::Binary(frame)) = decode else { return };
    let end = register.at + register.width;
    if let Some(length) = frame.length.filter(|length| end > *length) {
        out.add(raw.span(), key, format!("ends at byte {end} of a frame of {length}"));
    }
}

fn text_form(raw: Option<&Spanned<String>>, key: &str, out: &mut Collector<'_>) -> TextForm {
    match raw.map(|raw| raw.get_ref().as_str()) {
        None | Some("hex") => TextForm::Hex,
        Some("base64") => TextForm::Base64,
        Some(other) => {
            let span = raw.map_or(0..0, Spanned::span);
            out.add(span, key, format!("{other:?}: expected \"hex\" or \"base64\""));
            TextForm::Hex
        }
    }
}

fn register(raw: &RawRegister, key: &str, out: &mut Collector<'_>) -> Option<Register> {
    let key = |name: &str| format!("{key}.{name}");
    let at = *raw.at.get_ref();
    if at > MAX_AT {
        out.add(raw.at.span(), &key("at"), format!("{at}: expected 0 to {MAX_AT}"));
        return None;
    }
    let Some((kind, own)) = register_type(raw.kind.get_ref()) else {
        let why = "expected u8, i8, u16, i16, u24, i24, u32, i32, u48, i48, u64, i64, f32, f64, \
                   bcd, signed-bcd or text";
        out.add(raw.kind.span(), &key("type"), format!("{:?}: {why}", raw.kind.get_ref()));
        return None;
    };
    let most = if kind == RegisterType::Text { MAX_TEXT } else { 8 };
    let width = match (own, &raw.bytes) {
        (Some(width), None) => width,
        (None, Some(bytes)) if (1..=most).contains(bytes.get_ref()) => *bytes.get_ref(),
        (Some(_), Some(bytes)) => {
            out.add(bytes.span(), &key("bytes"), "the type has its own width");
            return None;
        }
        (None, given) => {
            let span = given.as_ref().map_or_else(|| raw.kind.span(), Spanned::span);
            out.add(span, &key("bytes"), format!("expected how many bytes, 1 to {most}"));
            return None;
        }
    };
    let order = order(raw, width, &key("order"), out);
    let bits = bits(raw, kind, width, &key("bits"), out);
    Some(Register { at, width, kind, order, bits, plus_33h: raw.plus_33h })
}

/// A type by its name, with its width where the name tells it.
fn register_type(name: &str) -> Option<(RegisterType, Option<usize>)> {
    use RegisterType::{Bcd, Float, Signed, SignedBcd, Text, Unsigned};
    Some(match name {
        "f32" => (Float, Some(4)),
        "f64" => (Float, Some(8)),
        "bcd" => (Bcd, None),
        "signed-bcd" => (SignedBcd, None),
        "text" => (Text, None),
        _ => {
            let kind = if name.starts_with('u') { Unsigned } else { Signed };
            let bits = name.strip_prefix(['u', 'i'])?;
            let widths = [("8", 1), ("16", 2), ("24", 3), ("32", 4), ("48", 6), ("64", 8)];
            (kind, Some(widths.iter().find(|(name, _)| *name == bits)?.1))
        }
    })
}

fn order(raw: &RawRegister, width: usize, key: &str, out: &mut Collector<'_>) -> Order {
    let Some(order) = &raw.order else { return Order::default() };
    match order.get_ref().as_str() {
        "big" | "ABCD" => Order::Abcd,
        "little" | "DCBA" => Order::Dcba,
        "BADC" | "CDAB" if width % 2 == 1 => {
            out.add(order.span(), key, format!("swaps words, and {width} bytes are no words"));
            Order::default()
        }
        "BADC" => Order::Badc,
        "CDAB" => Order::Cdab,
        other => {
            let why = "expected \"big\" (\"ABCD\"), \"little\" (\"DCBA\"), \"BADC\" or \"CDAB\"";
            out.add(order.span(), key, format!("{other:?}: {why}"));
            Order::default()
        }
    }
}

fn bits(
    raw: &RawRegister,
    kind: RegisterType,
    width: usize,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<(u8, u8)> {
    let raw = raw.bits.as_ref()?;
    let [lowest, count] = *raw.get_ref();
    if kind != RegisterType::Unsigned {
        out.add(raw.span(), key, "are of unsigned numbers only: u8, u16, u32, …");
    } else if count == 0 || usize::from(lowest) + usize::from(count) > width * 8 {
        let why = format!("expected [lowest bit, how many] within {} bits", width * 8);
        out.add(raw.span(), key, format!("[{lowest}, {count}]: {why}"));
    }
    Some((lowest, count))
}
