//! The page's languages; their words are files a translator can edit.

use std::{collections::HashMap, sync::OnceLock};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    #[default]
    En,
}

type Words = HashMap<String, String>;

fn parse(file: &str) -> Words {
    // The files are part of the program and parsed by a test; a broken one shows keys.
    serde_json::from_str(file).unwrap_or_default()
}

impl Lang {
    /// The language named by a tag such as `zh-CN`.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The tag for links.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The tag for the document, which chooses glyphs and hyphenation.
    pub fn html(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The other language.
    pub fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    fn words(self) -> &'static Words {
        static ZH: OnceLock<Words> = OnceLock::new();
        static EN: OnceLock<Words> = OnceLock::new();
        match self {
            Self::Zh => ZH.get_or_init(|| parse(include_str!("../../assets/i18n/zh.json"))),
            Self::En => EN.get_or_init(|| parse(include_str!("../../assets/i18n/en.json"))),
        }
    }

    /// The words for a key, if there are any.
    pub fn find(self, key: &str) -> Option<&'static str> {
        self.words().get(key).map(String::as_str)
    }

    /// The words for a key; the key itself where they are missing, so that it is seen.
    pub fn t(self, key: &'static str) -> &'static str {
        self.find(key).unwrap_or(key)
    }

    /// The words for a key with `{name}` filled in.
    pub fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.t(key).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn read(file: &str) -> Words {
        serde_json::from_str(file).unwrap()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_blanks() {
        let zh = read(include_str!("../../assets/i18n/zh.json"));
        let en = read(include_str!("../../assets/i18n/en.json"));
        let keys = |words: &Words| words.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&zh), keys(&en));
        let blanks = |text: &str| -> BTreeSet<String> {
            text.split('{')
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('}')?.0.into()))
                .collect()
        };
        for (key, text) in &en {
            assert!(!text.trim().is_empty() && !zh[key].trim().is_empty(), "{key}");
            assert_eq!(blanks(text), blanks(&zh[key]), "{key}");
        }
    }

    #[test]
    fn every_key_in_the_code_has_words() {
        let mut used = BTreeSet::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut open = vec![sources];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for start in [".t(\"", ".fill(\"", ".fill(\n", "key: \""] {
                for rest in text.split(start).skip(1) {
                    let rest = rest.trim_start().trim_start_matches('"');
                    used.insert(rest.split('"').next().unwrap().to_owned());
                }
            }
        }
        let missing: Vec<_> =
            used.iter().filter(|key| key.contains('.') && Lang::En.find(key).is_none()).collect();
        assert!(used.len() > 40, "the scan found {} keys", used.len());
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_kind_and_layer_has_a_name() {
        for kind in ["project", "site", "building", "storey", "space", "meter", "landmark"] {
            assert!(Lang::Zh.find(&format!("kind.{kind}")).is_some(), "{kind}");
        }
        for layer in crate::layers::Layer::ALL {
            assert!(Lang::Zh.find(&format!("layer.{}", layer.name())).is_some(), "{layer:?}");
        }
    }

    #[test]
    fn tags_choose() {
        assert_eq!(Lang::parse("zh-Hans-CN"), Some(Lang::Zh));
        assert_eq!(Lang::parse("en_US"), Some(Lang::En));
        assert_eq!(Lang::parse("fr"), None);
        assert_eq!(Lang::En.fill("age.seconds", &[("n", "5")]), "5 s");
    }
}
