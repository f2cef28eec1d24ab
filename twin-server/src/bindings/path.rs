//! Where a value stands in a payload: JSONPath (RFC 9535). Most paths are plain names and
//! numbers, and those are walked without the library's node lists: half the cost of a
//! message would otherwise go there.

use std::{collections::HashMap, fmt, ptr};

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::path_cost;

/// Longest path, bytes. The parser of paths descends once per bracket.
const MAX_PATH: usize = 256;

/// A checked path. `$.a` is of the element at hand, which without `each` is the whole
/// message; `$$.a` is of the whole message always.
#[derive(Clone, Debug)]
pub struct Path {
    text: Box<str>,
    of_message: bool,
    plain: Option<Box<[Step]>>,
    /// Where it names everything in one plain place, as most paths of elements do.
    inside: Option<Box<[Step]>>,
    full: JsonPath,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    Index(usize),
}

/// One element of a message, and what surrounds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The whole message.
    pub(super) message: &'a Json,
    /// The element at hand.
    pub(super) element: &'a Json,
    /// Name or number of the element in what holds it; empty without `each`.
    pub(super) key: &'a str,
}

impl<'a> Node<'a> {
    /// A message that is its own only element.
    #[cfg(test)]
    pub(super) fn whole(message: &'a Json) -> Self {
        Self { message, element: message, key: "" }
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// Where it is no JSONPath, in words that name what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATH {
            return Err(format!("a JSONPath has at most {MAX_PATH} bytes"));
        }
        let of_message = text.starts_with("$$");
        let own = if of_message { &text[1..] } else { text };
        path_cost::check(own).map_err(|why| format!("the JSONPath {text:?} {why}"))?;
        let full = JsonPath::parse(own).map_err(|error| {
            format!("{text:?} is not a JSONPath such as `$.p_kw`: {}", error.message())
        })?;
        let all = own.strip_suffix("[*]").or_else(|| own.strip_suffix(".*"));
        let inside = all.and_then(plain);
        Ok(Self { text: text.into(), of_message, plain: plain(own), inside, full })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is of the whole message, whatever the element.
    pub fn is_of_message(&self) -> bool {
        self.of_message
    }

    /// The one value it names.
    pub(super) fn at<'j>(&self, node: &Node<'j>) -> Result<Option<&'j Json>, String> {
        let root = if self.of_message { node.message } else { node.element };
        match &self.plain {
            Some(steps) => Ok(walk(steps, root)),
            None => self
                .full
                .query(root)
                .at_most_one()
                .map_err(|_| format!("{} gives several values, where one is needed", self.text)),
        }
    }

    /// How many values it names in a document.
    pub(crate) fn count(&self, document: &Json) -> usize {
        self.elements(document, usize::MAX).1
    }

    /// Every value it names in a message, up to a number of them, with the name or number
    /// of each in what holds it; and how many there are.
    pub(super) fn elements<'j>(
        &self,
        message: &'j Json,
        most: usize,
    ) -> (Vec<(String, &'j Json)>, usize) {
        if let Some(steps) = &self.inside {
            let Some(holder) = walk(steps, message) else { return (Vec::new(), 0) };
            return (children(holder).take(most).collect(), size(holder));
        }
        let found = self.full.query(message);
        let total = found.len();
        let found: Vec<&Json> = found.into_iter().take(most).collect();
        let names = names(message, &found);
        (names.into_iter().zip(found).collect(), total)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn walk<'j>(steps: &[Step], root: &'j Json) -> Option<&'j Json> {
    steps.iter().try_fold(root, |at, step| match step {
        Step::Name(name) => at.as_object()?.get(&**name),
        Step::Index(index) => at.as_array()?.get(*index),
    })
}

/// How much is in a value.
fn size(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.len(),
        Json::Object(entries) => entries.len(),
        _ => 0,
    }
}

/// What is in a value, by name or number.
fn children(json: &Json) -> Box<dyn Iterator<Item = (String, &Json)> + '_> {
    match json {
        Json::Array(items) => Box::new((0..).map(|n: usize| n.to_string()).zip(items)),
        Json::Object(entries) => Box::new(entries.iter().map(|(name, at)| (name.clone(), at))),
        _ => Box::new(std::iter::empty()),
    }
}

/// The names or numbers of values in what holds them; of the message itself nothing. The
/// library would tell them with the whole way to each value, which in a deep message takes a
/// thousand times the memory of the message.
fn names(message: &Json, found: &[&Json]) -> Vec<String> {
    let mut names: HashMap<*const Json, String> =
        found.iter().map(|json| (ptr::from_ref(*json), String::new())).collect();
    let mut left = names.len();
    let mut open = vec![message];
    while let Some(holder) = open.pop() {
        if left == 0 {
            break;
        }
        let mut note = |json: &Json, name: &dyn fmt::Display| {
            if let Some(known) = names.get_mut(&ptr::from_ref(json)) {
                *known = name.to_string();
                left -= 1;
            }
        };
        match holder {
            Json::Array(items) => {
                items.iter().enumerate().for_each(|(n, json)| note(json, &n));
                open.extend(items.iter().filter(|json| size(json) > 0));
            }
            Json::Object(entries) => {
                entries.iter().for_each(|(name, json)| note(json, name));
                open.extend(entries.values().filter(|json| size(json) > 0));
            }
            _ => {}
        }
    }
    found.iter().map(|json| names.get(&ptr::from_ref(*json)).cloned().unwrap_or_default()).collect()
}

/// The steps of a path that is nothing but names and numbers; nothing for any other.
fn plain(text: &str) -> Option<Box<[Step]>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) || name.starts_with(char::is_numeric) {
                return None;
            }
            steps.push(Step::Name(name.into()));
            rest = &after[end..];
        } else {
            let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = |quote: char| inner.strip_prefix(quote)?.strip_suffix(quote);
            let step = match quoted('\'').or_else(|| quoted('"')) {
                Some(name) if !name.contains(['\\', '\'', '"', ']']) => Step::Name(name.into()),
                Some(_) => return None,
                None => Step::Index(inner.parse().ok()?),
            };
            steps.push(step);
            rest = after;
        }
    }
    Some(steps.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn document() -> Json {
        json!({"a": {"b": [1, {"c": "x"}, null], "c d": 2}, "b": [[3], 4], "c": true})
    }

    #[test]
    fn paths_are_of_the_element_or_of_the_message() {
        let message = document();
        let node = Node { message: &message, element: &message["a"], key: "a" };
        let at = |text: &str| Path::parse(text).unwrap().at(&node).map(Option::<&Json>::cloned);
        assert_eq!(at("$.b[1].c"), Ok(Some(json!("x"))));
        assert_eq!(at("$['c d']"), Ok(Some(json!(2))));
        assert_eq!(at("$$.c"), Ok(Some(json!(true))));
        assert_eq!(at("$.c"), Ok(None));
        assert_eq!(at("$"), Ok(Some(message["a"].clone())));
        assert!(at("$.b[*]").unwrap_err().contains("several"));
    }

    #[test]
    fn elements_come_with_their_names() {
        let message = document();
        let keys = |text: &str, most| {
            let (found, total) = Path::parse(text).unwrap().elements(&message, most);
            (found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), total)
        };
        assert_eq!(keys("$.*", 9), (vec!["a".into(), "b".into(), "c".into()], 3));
        assert_eq!(keys("$.b[*]", 1), (vec!["0".into()], 2));
        assert_eq!(keys("$.x[*]", 9), (vec![], 0));
        assert_eq!(keys("$.c[*]", 9), (vec![], 0));
        assert_eq!(keys("$.b[*][*]", 9), (vec!["0".into()], 1));
        assert_eq!(keys("$['c', 'a']", 9), (vec!["c".into(), "a".into()], 2));
        assert_eq!(keys("$", 9), (vec![String::new()], 1));
    }

    #[test]
    fn what_is_no_path_is_told() {
        assert!(Path::parse("p_kw").unwrap_err().contains("not a JSONPath such as"));
        assert!(Path::parse(&format!("$.{}", "a".repeat(300))).unwrap_err().contains("256"));
    }

    proptest! {
        /// The short way finds what the library finds.
        #[test]
        fn plain_paths_are_walked_as_the_library_does(text in r"\$(\.[abc]|\[[0-2]\]|\['[abc] ?d?'\]){0,4}") {
            let message = document();
            let path = Path::parse(&text).unwrap();
            prop_assert!(path.plain.is_some());
            let full = path.full.query(&message).at_most_one().unwrap();
            prop_assert_eq!(path.at(&Node::whole(&message)), Ok(full));
        }

        /// Elements are those that the library finds, under the names it gives them.
        #[test]
        fn elements_are_named_as_the_library_does(
            text in r"\$(\.[abc*]|\[[0-2*]\]|\['[abc]', ?[01]\]|\[1:\]|\[\?@\]){0,4}(\.\.[abc*])?"
        ) {
            let message = document();
            let path = Path::parse(&text).unwrap();
            let full = path.full.query_located(&message);
            let expected: Vec<_> = full
                .iter()
                .map(|found| {
                    let name = match found.location().last() {
                        Some(serde_json_path::PathElement::Name(name)) => (*name).to_owned(),
                        Some(serde_json_path::PathElement::Index(index)) => index.to_string(),
                        None => String::new(),
                    };
                    (name, found.node())
                })
                .collect();
            let total = expected.len();
            prop_assert_eq!(path.elements(&message, usize::MAX), (expected, total));
        }
    }
}
