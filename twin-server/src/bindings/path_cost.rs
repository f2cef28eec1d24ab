//! Paths that one message could make expensive. A path names the same value again and again
//! where it goes down twice (`$..a..b`) or names it in several ways (`$[*,*][*,*]`), and looks
//! at the whole message once more for each of its elements where a filter begins at `$`. The
//! parser, for its part, reads what is nested several times over. Each is bounded here, so that
//! a megabyte from a device costs a fraction of a second whatever the path.

/// Steps to any depth, `..`.
const MAX_DESCENTS: usize = 1;
/// Ways to name a value: the selectors of each bracket, multiplied.
const MAX_WAYS: usize = 32;
/// Filters, `?`.
const MAX_FILTERS: usize = 4;
/// Parentheses in each other.
const MAX_PARENTHESES: usize = 4;

/// Refuses a path that begins with `$` and costs too much, with what it does.
///
/// # Errors
/// What is too much of it. Anything else that is wrong with it is left to the parser.
pub(super) fn check(path: &str) -> Result<(), String> {
    let (mut quote, mut escaped, mut before) = (None, false, ' ');
    let (mut descents, mut filters, mut ways, mut parentheses) = (0, 0, 1_usize, 0_usize);
    // By open bracket: its selectors so far, nothing for a parenthesis.
    let mut open: Vec<Option<usize>> = Vec::new();
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(begun), _) => quote = quote.filter(|_| c != begun),
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => open.push(Some(1)),
            (None, '(') => {
                open.push(None);
                parentheses += 1;
                if parentheses > MAX_PARENTHESES {
                    return Err(format!("nests more than {MAX_PARENTHESES} parentheses"));
                }
            }
            (None, ']' | ')') => match open.pop() {
                Some(Some(selectors)) => ways = ways.saturating_mul(selectors),
                Some(None) => parentheses -= 1,
                None => {}
            },
            (None, ',') => {
                if let Some(Some(selectors)) = open.last_mut() {
                    *selectors += 1;
                }
            }
            (None, '.') if before == '.' => descents += 1,
            (None, '?') => filters += 1,
            (None, '$') if at > 0 => {
                return Err("begins at $ inside a filter; there only @ is taken".to_owned());
            }
            _ => {}
        }
        before = c;
    }
    if descents > MAX_DESCENTS {
        return Err("goes to any depth (..) twice".to_owned());
    }
    if ways > MAX_WAYS {
        return Err(format!("could name a value in {ways} ways; at most {MAX_WAYS}"));
    }
    if filters > MAX_FILTERS {
        return Err(format!("has more than {MAX_FILTERS} filters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::bindings::path::Path;

    #[test]
    fn paths_of_devices_pass() {
        for path in [
            "$",
            "$.a['b..c']['d,e'][0]",
            "$.Payload.meterValue[*].sampledValue[?(!@.m || @.m == 'E.$ (?)') && !@.phase]",
            "$..value",
            "$['p1', 'p2', 'p3', 'p4']",
            "$.a[?count(@.*) > 1 && (length(@.x) < 3 || @.y)]",
            "$.a[?@['it\\'s $'] == \"say \\\"$..\\\"..\"]",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
            Path::parse(path).unwrap();
        }
    }

    #[test]
    fn what_multiplies_is_refused() {
        for (path, why) in [
            ("$..*..*".to_owned(), "twice"),
            ("$..a[?@..b]".to_owned(), "twice"),
            (format!("${}", "[*,*]".repeat(6)), "64 ways"),
            (format!("${}", "[0,0,0]".repeat(30)), "ways"),
            ("$[?$.a == $.b]".to_owned(), "only @"),
            ("$[?@[?@[?@[?@[?@]]]]]".to_owned(), "4 filters"),
            ("$[?(((((@)))))]".to_owned(), "4 parentheses"),
        ] {
            let error = Path::parse(&path).unwrap_err();
            assert!(error.contains(why), "{path}: {error}");
        }
        // A pattern would be made ready again for each element.
        assert!(Path::parse("$[?match(@, 'a.*')]").is_err());
    }

    /// Without the bounds each of these takes hours, or all memory.
    #[test]
    fn the_dearest_that_is_left_ends_soon() {
        let nested = |inner: Json| (0..120).fold(inner, |inner, _| Json::Array(vec![inner]));
        let deep = nested(Json::Array(vec![json!({"a": 0}); 1_000]));
        for path in
            ["$..*", "$..[*,*,*,*,*]", "$..[?@[?@[?@.a]]]", "$..[?(@.a == @.a) && count(@.*) > 0]"]
        {
            let (found, total) = Path::parse(path).unwrap().elements(&deep, 100);
            assert!(found.len() <= 100 && total >= found.len(), "{path}");
        }
        for unfinished in ["$[?@[?@[?@[?@", "$[?ab((ab((", "$[?count(@[?count(@[?count(@[?"] {
            assert!(Path::parse(unfinished).is_err());
        }
    }
}
