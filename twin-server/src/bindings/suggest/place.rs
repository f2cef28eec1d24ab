//! Which levels of a shape's topics say whose a message is, and how the scene knows it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    scan::{Known, SceneScan},
    shape::Shape,
};

/// Topics of a shape that every possibility is tried on.
const TRIED: usize = 64;
/// Possibilities that are then tried on all topics.
const FINALISTS: usize = 4;
/// Levels that together may name something: `T1/03F/EM1` for `T1-03F-EM1`.
const MAX_JOINED: usize = 4;
/// What stands between them.
const BETWEEN: [&str; 5] = ["-", "_", ".", "/", ""];

/// The text that levels make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) between: &'static str,
}

impl Source {
    fn text(&self, levels: &[&str]) -> String {
        levels[self.first..=self.last].join(self.between)
    }
}

/// How the topics of a shape find their entities.
#[derive(Clone, Debug)]
pub(super) struct Placing<'s> {
    pub(super) source: Source,
    pub(super) known: Known<'s>,
    /// The entity of each topic, where it has one.
    pub(super) entities: Vec<Option<u32>>,
    pub(super) matched: usize,
    /// 0 to 1.
    pub(super) confidence: f64,
}

/// The best way to place a shape, or why there is none.
pub(super) fn place<'s>(shape: &Shape<'_>, scan: &SceneScan<'s>) -> Result<Placing<'s>, String> {
    let step = shape.topics.len().div_ceil(TRIED);
    let tried: Vec<&Vec<&str>> = shape.topics.iter().step_by(step).collect();
    let mut tallies: BTreeMap<(Known<'s>, Source), usize> = BTreeMap::new();
    for source in sources(shape) {
        for levels in &tried {
            for (known, _) in scan.named(&source.text(levels)) {
                *tallies.entry((known, source.clone())).or_default() += 1;
            }
        }
    }
    let mut tallies: Vec<_> = tallies.into_iter().collect();
    let promise = |(known, _): &(Known<'_>, Source), found: usize| found as f64 * known.trust();
    tallies.sort_by(|(a, n), (b, m)| promise(b, *m).total_cmp(&promise(a, *n)));
    let mut shared = None;
    let mut best: Option<Placing<'s>> = None;
    for ((known, source), _) in tallies.into_iter().take(FINALISTS) {
        let placing = verify(shape, scan, known, source);
        let distinct: BTreeSet<u32> = placing.entities.iter().flatten().copied().collect();
        if distinct.len() < placing.matched {
            // A storey is no meter: several topics would write the same points.
            shared.get_or_insert((placing.matched, distinct.len()));
        } else if best.as_ref().is_none_or(|best| placing.confidence > best.confidence) {
            best = Some(placing);
        }
    }
    best.filter(|best| best.confidence >= 0.3).ok_or_else(|| match shared {
        Some((topics, entities)) => format!(
            "its levels name {entities} entities for {topics} topics, and two readings of one \
             point would fight"
        ),
        None => "no level is a tag, name, id or identifying property of the scene".to_owned(),
    })
}

fn sources(shape: &Shape<'_>) -> Vec<Source> {
    let levels = shape.levels();
    let mut sources = Vec::new();
    for first in 0..levels {
        for last in first..levels.min(first + MAX_JOINED) {
            // A shape of one topic has only fixed levels, and each may be the name.
            let single = shape.topics.len() == 1;
            if !single && (shape.fixed(first) || shape.fixed(last)) {
                continue;
            }
            let between = if first == last { &BETWEEN[..1] } else { &BETWEEN[..] };
            sources.extend(between.iter().map(|between| Source { first, last, between }));
        }
    }
    sources
}

fn verify<'s>(
    shape: &Shape<'_>,
    scan: &SceneScan<'s>,
    known: Known<'s>,
    source: Source,
) -> Placing<'s> {
    let find = |levels: &Vec<&str>| {
        let named = scan.named(&source.text(levels));
        named.into_iter().find(|(other, _)| *other == known).map(|(_, index)| index)
    };
    let entities: Vec<Option<u32>> = shape.topics.iter().map(find).collect();
    let matched = entities.iter().flatten().count();
    let coverage = matched as f64 / shape.topics.len() as f64;
    // One example is no rule yet.
    let seen = match shape.topics.len() {
        1 => 0.75,
        2 => 0.88,
        _ => 1.0,
    };
    let confidence = coverage * known.trust() * seen;
    Placing { source, known, entities, matched, confidence }
}

impl Placing<'_> {
    /// In words, with an example.
    pub(super) fn reason(&self, shape: &Shape<'_>) -> String {
        let example = self.entities.iter().position(Option::is_some).unwrap_or(0);
        let text = self.source.text(&shape.topics[example]);
        let (first, last) = (self.source.first + 1, self.source.last + 1);
        let what = if first == last {
            format!("level {first} `{text}`")
        } else {
            format!("levels {first} to {last} `{text}`")
        };
        let equals = match &self.known {
            Known::Tag(prefix) => format!("tag {prefix}{text}"),
            Known::Id => format!("the id {text}"),
            Known::Name => format!("the name {text}"),
            Known::Property(set, name) => format!("property {set}.{name}"),
        };
        let (matched, all) = (self.matched, shape.topics.len());
        match all {
            1 => format!("{what} equals {equals}; it is the only topic of this shape"),
            _ => {
                format!("{what} equals {equals}, and so in {matched} of {all} topics of this shape")
            }
        }
    }
}
