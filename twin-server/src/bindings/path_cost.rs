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

/// Functions of regular expressions, which would be made ready again for each element.
const REGULAR: [&str; 2] = ["match", "search"];

/// Refuses a path that begins with `$` and costs too much or breaks the parser, with what it does.
///
/// # Errors
/// What is too much of it, or broken. Anything else that is wrong with it is left to the parser.
pub(super) fn check(path: &str) -> Result<(), String> {
    let mut tally = Tally { ways: 1, ..Tally::default() };
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in path.char_indices() {
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            None => tally.take(c, &path[..at])?,
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(begun) if c == begun => quote = None,
            Some(_) => {}
        }
    }
    if quote.is_some() {
        // The parser panics where such a one ends in an escape.
        return Err("ends inside quotes".to_owned());
    }
    tally.within()
}

/// What a path has of what costs.
#[derive(Debug, Default)]
struct Tally {
    descents: usize,
    filters: usize,
    ways: usize,
    parentheses: usize,
    /// By open bracket: its selectors so far, nothing for a parenthesis.
    open: Vec<Option<usize>>,
}

impl Tally {
    /// Takes the next character that stands in no quotes, after what is before it.
    fn take(&mut self, c: char, before: &str) -> Result<(), String> {
        match c {
            '[' => self.open.push(Some(1)),
            '(' => {
                if let Some(name) = REGULAR.iter().find(|name| before.ends_with(**name)) {
                    return Err(format!("has a {name}(): regular expressions are not taken"));
                }
                self.open.push(None);
                self.parentheses += 1;
                if self.parentheses > MAX_PARENTHESES {
                    return Err(format!("nests more than {MAX_PARENTHESES} parentheses"));
                }
            }
            ']' | ')' => match self.open.pop() {
                Some(Some(selectors)) => self.ways = self.ways.saturating_mul(selectors),
                Some(None) => self.parentheses -= 1,
                None => {}
            },
            ',' => {
                if let Some(Some(selectors)) = self.open.last_mut() {
                    *selectors += 1;
                }
            }
            '.' if before.ends_with('.') => self.descents += 1,
            '?' => self.filters += 1,
            '$' if !self.open.is_empty() => {
                return Err("begins at $ inside a filter, where only @ is taken".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn within(&self) -> Result<(), String> {
        if self.descents > MAX_DESCENTS {
            return Err("goes to any depth (..) more than once".to_owned());
        }
        if self.ways > MAX_WAYS {
            return Err(format!("could name a value in {} ways; at most {MAX_WAYS}", self.ways));
        }
        if self.filters > MAX_FILTERS {
            return Err(format!("has more than {MAX_FILTERS} filters"));
        }
        Ok(())
    }
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
            "$.match[?@.search == 'match(@)']",
            "$.a[?@['it\\'s $'] == \"say \\\"$..\\\"..\"]",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
            Path::parse(path).unwrap();
        }
    }

    #[test]
    fn what_multiplies_is_refused() {
        for (path, why) in [
            ("$..*..*".to_owned(), "than once"),
            ("$..a[?@..b]".to_owned(), "than once"),
            (format!("${}", "[*,*]".repeat(6)), "64 ways"),
            (format!("${}", "[0,0,0]".repeat(30)), "ways"),
            ("$[?$.a == $.b]".to_owned(), "only @"),
            ("$[?@[?@[?@[?@[?@]]]]]".to_owned(), "4 filters"),
            ("$[?(((((@)))))]".to_owned(), "4 parentheses"),
            ("$[?match(@.a, 'b.*')]".to_owned(), "a match(): regular"),
            ("$[?@.a && !search(@.b, 'c')]".to_owned(), "a search(): regular"),
        ] {
            let error = Path::parse(&path).unwrap_err();
            assert!(error.contains(why), "{path}: {error}");
        }
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
        for unfinished in [
            "$[?@[?@[?@[?@",
            "$[?ab((ab((",
            "$[?count(@[?count(@[?count(@[?",
            "$[?@[\"\\u",
            "$['\\uD834\\u",
        ] {
            assert!(Path::parse(unfinished).is_err());
        }
    }
}
