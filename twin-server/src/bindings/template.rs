//! Texts with the named levels of a topic in them, or with what the payload says:
//! `meter:{meter}`, `meter:{$.sn}`.

use std::borrow::Cow;

use thiserror::Error;

use super::{
    path::{Node, Path},
    pattern::is_name,
    scalar::scalar_text,
};

/// What stands for the name or number of an element of `each`.
const KEY: &str = "@key";

/// Longest text that a topic or a payload puts into a name, bytes. What is found by it, or not,
/// is remembered, and nothing has a name of a megabyte.
const MAX_NAME: usize = 1_024;

/// Why a template cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// A name that no level of the topic carries.
    #[error("`{{{name}}}` is no level of the topic; it has {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A brace without its partner.
    #[error("`{0}`: every `{{` needs its `}}`")]
    Unbalanced(String),
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// `{$…}` that is no path.
    #[error("{0}")]
    Path(String),
}

#[derive(Clone, Debug)]
enum Part {
    Literal(Box<str>),
    /// A named level of the topic, by its number.
    Level(usize),
    /// A value of the payload.
    Value(Box<Path>),
    /// The name or number of the element at hand.
    Key,
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template whose names are levels of a topic pattern.
    ///
    /// # Errors
    /// Where it is empty, a brace is alone, or a name is not in `names`.
    pub fn parse(text: &str, names: &[Box<str>]) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let unbalanced = || TemplateError::Unbalanced(text.to_owned());
            if open > 0 {
                parts.push(Part::Literal(rest[..open].into()));
            }
            let inner = rest[open..].strip_prefix('{').ok_or_else(unbalanced)?;
            let (name, after) = inner.split_once('}').ok_or_else(unbalanced)?;
            rest = after;
            if name == KEY {
                parts.push(Part::Key);
                continue;
            }
            if name.starts_with('$') {
                parts.push(Part::Value(Path::parse(name).map_err(TemplateError::Path)?.into()));
                continue;
            }
            if !is_name(name) {
                return Err(unbalanced());
            }
            let index = names.iter().position(|known| **known == *name);
            let index = index.ok_or_else(|| TemplateError::UnknownName {
                name: name.to_owned(),
                known: known_names(names),
            })?;
            parts.push(Part::Level(index));
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self { parts })
    }

    /// Whether the topic alone does not fill it: a payload is needed.
    pub fn needs_payload(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(_) | Part::Key))
    }

    /// Whether it asks for the name or number of an element of `each`.
    pub fn needs_key(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Key))
    }

    /// Whether it asks for a level of the topic.
    pub(super) fn needs_level(&self, level: usize) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Level(of) if *of == level))
    }

    /// The text for the captured levels of one topic and an element of one payload.
    ///
    /// # Errors
    /// Where the payload has nothing, no single value, or a very long text at one of its paths.
    pub(super) fn fill(
        &self,
        captures: &[impl AsRef<str>],
        node: Option<&Node<'_>>,
    ) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Literal(literal) => Cow::Borrowed(&**literal),
                Part::Level(index) => Cow::Borrowed(captures[*index].as_ref()),
                Part::Key => Cow::Borrowed(node.map_or("", |node| node.key)),
                Part::Value(path) => Cow::Owned(value(path, node)?),
            };
            if part.len() > MAX_NAME {
                return Err(format!("{} bytes to name an entity; at most {MAX_NAME}", part.len()));
            }
            text.push_str(&part);
        }
        Ok(text)
    }

    /// Whether some message could fill the template with this text: levels are not empty
    /// and hold no slash, what a payload says is not empty.
    pub(super) fn fits(&self, text: &str) -> bool {
        // By byte: whether the parts so far can fill the text up to there. Trying every
        // length of every part instead takes hours for ten levels and a long name.
        let mut filled = vec![false; text.len() + 1];
        filled[0] = true;
        for part in &self.parts {
            let mut next = vec![false; text.len() + 1];
            if let Part::Literal(literal) = part {
                for at in (0..text.len()).filter(|at| filled[*at]) {
                    if text[at..].starts_with(&**literal) {
                        next[at + literal.len()] = true;
                    }
                }
            } else {
                let mut inside = false;
                for (at, c) in text.char_indices() {
                    let ends = c == '/' && matches!(part, Part::Level(_));
                    inside = (inside || filled[at]) && !ends;
                    next[at + c.len_utf8()] = inside;
                }
            }
            filled = next;
        }
        filled[text.len()]
    }
}

fn value(path: &Path, node: Option<&Node<'_>>) -> Result<String, String> {
    let nothing = || format!("nothing at {path} to name the entity by");
    let json = path.at(node.ok_or_else(nothing)?)?.ok_or_else(nothing)?;
    let text = scalar_text(json).filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("what stands at {path} names no entity"))
}

fn known_names(names: &[Box<str>]) -> String {
    if names.is_empty() {
        return "no named levels".to_owned();
    }
    names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_levels() {
        let names: [Box<str>; 2] = ["a".into(), "b".into()];
        let fill = |text| Template::parse(text, &names).unwrap().fill(&["1", "2"], None).unwrap();
        assert_eq!(fill("x:{b}-{a}.y"), "x:2-1.y");
        assert_eq!(fill("{a}"), "1");
        assert_eq!(fill("plain"), "plain");
    }

    #[test]
    fn fills_in_what_the_payload_says() {
        let message = serde_json::json!({"sn": 4711, "list": [], "at": {"x": "y"}});
        let node = Node { key: "k", ..Node::whole(&message) };
        let fill = |text| Template::parse(text, &["a".into()]).unwrap().fill(&["1"], Some(&node));
        assert_eq!(fill("{a}:{$.sn}:{$['at'].x}:{@key}").as_deref(), Ok("1:4711:y:k"));
        assert!(fill("{$.no}").unwrap_err().contains("nothing at $.no"));
        assert!(fill("{$.list}").unwrap_err().contains("names no entity"));
        let long = serde_json::json!({"sn": "x".repeat(MAX_NAME + 1)});
        let template = Template::parse("{$.sn}", &[]).unwrap();
        let filled = template.fill(&[""; 0], Some(&Node::whole(&long)));
        assert!(filled.unwrap_err().contains("1025 bytes"));
        let template = Template::parse("m:{$.sn}", &[]).unwrap();
        assert!(template.needs_payload() && template.fits("m:a/b") && !template.fits("m:"));
    }

    #[test]
    fn knows_what_it_could_become() {
        let names: [Box<str>; 2] = ["a".into(), "b".into()];
        let template = Template::parse("storey:{a}/{b}F", &names).unwrap();
        for (text, fits) in [
            ("storey:T1/03F", true),
            ("storey:一/二F", true),
            ("storey:T1/F", false),
            ("storey:T1/03", false),
            ("storey:T1/x/03F", false),
            ("T1/03F", false),
            ("storey:T1/03F/F", false),
            ("storey:T1/FF", true),
        ] {
            assert_eq!(template.fits(text), fits, "{text}");
        }
    }

    #[test]
    fn many_levels_and_a_long_name_are_matched_at_once() {
        let template = Template::parse(&"{a}".repeat(40), &["a".into()]).unwrap();
        assert!(template.fits(&"x".repeat(40)) && !template.fits(&"x".repeat(39)));
        assert!(!template.fits(&format!("{}/", "阀".repeat(2_000))));
    }

    #[test]
    fn tells_what_is_wrong() {
        let names: [Box<str>; 1] = ["meter".into()];
        let error = |text| Template::parse(text, &names).unwrap_err().to_string();
        assert_eq!(error("{metre}"), "`{metre}` is no level of the topic; it has {meter}");
        assert!(error("a{").contains("needs its"));
        assert!(error("a}").contains("needs its"));
        assert_eq!(error(""), "is empty");
    }
}
