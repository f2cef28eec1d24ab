//! Single values of a payload: as text, and shown in a reason.

use serde_json::Value as Json;

/// A JSON scalar as the text a topic level would hold.
pub(super) fn scalar_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        // As a person writes it: 1.0 is the code "1".
        Json::Number(number) if number.is_f64() => number.as_f64().map(|number| number.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The start of a value, for a reason. Only that start is written out: the value may be a
/// megabyte.
pub(super) fn short(json: &Json) -> String {
    const SHOWN: usize = 60;
    let text = match json {
        Json::Array(items) if items.len() > SHOWN => format!("[{} values]", items.len()),
        Json::Object(entries) if entries.len() > SHOWN => format!("{{{} entries}}", entries.len()),
        Json::String(text) if text.len() > SHOWN => {
            format!("{:?}", &text[..text.floor_char_boundary(SHOWN)])
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
