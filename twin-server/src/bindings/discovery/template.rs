//! The value templates of Home Assistant that say nothing but where a value stands.

/// Reads `{{ value }}` (an empty path) and `{{ value_json.a['b'][0] }}` as a JSONPath.
///
/// # Errors
/// For anything that computes: filters, conditions, arithmetic; in words.
pub(super) fn path(template: &str) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("value_template {template:?}: {why}"));
    let inner = template.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let Some(inner) = inner.map(str::trim) else {
        return refuse("expected {{ value_json.NAME }}; statements are not followed");
    };
    if inner.contains('|') {
        return refuse("filters are not followed; bind this topic by hand");
    }
    if inner == "value" {
        return Ok(String::new());
    }
    let Some(mut rest) = inner.strip_prefix("value_json") else {
        return refuse("expected {{ value_json.NAME }} or {{ value }}");
    };
    let mut path = "$".to_owned();
    while !rest.is_empty() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(|c| !word(c)).unwrap_or(after.len());
            if end == 0 {
                return refuse("a name is missing");
            }
            path += &format!("['{}']", &after[..end]);
            rest = &after[end..];
            continue;
        }
        let Some((key, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        else {
            return refuse("only names and places are followed, not expressions");
        };
        let quoted = |quote: char| key.trim().strip_prefix(quote)?.strip_suffix(quote);
        match quoted('\'').or_else(|| quoted('"')) {
            Some(name) if !name.contains(['\'', '"', '\\', ']']) => path += &format!("['{name}']"),
            None if key.trim().parse::<usize>().is_ok() => path += &format!("[{}]", key.trim()),
            _ => return refuse("only names and places are followed, not expressions"),
        }
        rest = after;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_templates_become_paths() {
        for (template, expected) in [
            ("{{ value_json.temperature}}", "$['temperature']"),
            ("{{value_json['ENERGY']['Total']}}", "$['ENERGY']['Total']"),
            ("{{ value_json.a[0][\"b c\"] }}", "$['a'][0]['b c']"),
            ("{{ value }}", ""),
        ] {
            assert_eq!(path(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_computes_is_refused_with_the_reason() {
        for (template, why) in [
            ("{{ value_json.x | round(1) }}", "filters"),
            ("{% if value_json.x %}1{% endif %}", "statements"),
            ("{{ value_json.x * 2 }}", "expressions"),
            ("{{ states('sensor.x') }}", "expected"),
            ("{{ value_json. }}", "missing"),
        ] {
            let error = path(template).unwrap_err();
            assert!(error.contains(why) && error.contains(template), "{error}");
        }
    }
}
