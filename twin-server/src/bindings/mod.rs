//! From topics and payloads to readings of entities. See `docs/bindings.md` for what a
//! binding may say.

mod binding;
mod board;
mod decode;
mod engine;
mod orphan;
mod pattern;
mod report;
mod target;
mod template;
mod time;

pub use binding::{Binding, Decode, Point};
pub use board::BindingBoard;
pub use engine::{Engine, HasScene};
pub use orphan::{Orphan, orphans};
pub use pattern::{PatternError, TopicPattern, covers, minimal_filters};
pub use report::{
    BindingReport, BindingSummary, BoundList, BoundTopic, OrphanList, SilentList, SilentPoint,
    Trouble, TroubleList,
};
pub use target::{By, Reach, Target};
pub use template::{Template, TemplateError};
