//! Texts with the named levels of a topic in them: `meter:{meter}`.

use thiserror::Error;

use super::pattern::is_name;

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Level(usize),
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
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
            if !is_name(name) {
                return Err(unbalanced());
            }
            let index = names.iter().position(|known| **known == *name);
            let index = index.ok_or_else(|| TemplateError::UnknownName {
                name: name.to_owned(),
                known: known_names(names),
            })?;
            parts.push(Part::Level(index));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self { parts })
    }

    /// The text for the captured levels of one topic.
    pub fn fill(&self, captures: &[&str]) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Level(index) => text.push_str(captures[*index]),
            }
        }
        text
    }

    /// Whether some topic could fill the template with this text: levels are not empty
    /// and hold no slash.
    pub(super) fn fits(&self, text: &str) -> bool {
        fn fits(parts: &[Part], text: &str) -> bool {
            match parts {
                [] => text.is_empty(),
                [Part::Literal(literal), rest @ ..] => {
                    text.strip_prefix(&**literal).is_some_and(|text| fits(rest, text))
                }
                [Part::Level(_), rest @ ..] => {
                    let longest = text.find('/').unwrap_or(text.len());
                    let ends = text.char_indices().map(|(n, c)| n + c.len_utf8());
                    ends.take_while(|end| *end <= longest).any(|end| fits(rest, &text[end..]))
                }
            }
        }
        fits(&self.parts, text)
    }
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
        let fill = |text| Template::parse(text, &names).unwrap().fill(&["1", "2"]);
        assert_eq!(fill("x:{b}-{a}.y"), "x:2-1.y");
        assert_eq!(fill("{a}"), "1");
        assert_eq!(fill("plain"), "plain");
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
        ] {
            assert_eq!(template.fits(text), fits, "{text}");
        }
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
