//! From topics and payloads to readings of entities. See `docs/bindings.md` for what a
//! binding may say.

mod announced;
mod binding;
mod board;
mod carry;
mod cell;
mod clock;
mod computed;
mod decode;
mod discovery;
mod engine;
mod engine_sparkplug;
mod filter;
mod orphan;
mod path;
mod path_cost;
mod pattern;
mod reader;
mod report;
mod scalar;
mod scale;
mod sparkplug;
mod spoken;
mod states;
mod suggest;
mod target;
mod template;
mod unit;
mod value;

pub use binding::{Binding, ClockLimits, Condition, Decode, Place, Point, Sparkplug};
pub use board::BindingBoard;
pub use cell::BoardCell;
pub(crate) use computed::cycle;
pub use computed::{Computed, Expr, Input, Of};
pub(crate) use decode::from_hex;
pub use decode::{Checksum, Csv, Frame, Order, Register, RegisterType, TextForm};
pub use discovery::Discovery;
pub use engine::{Engine, HasScene};
pub use filter::Deadband;
pub use orphan::{Orphan, orphans};
pub use path::Path;
use pattern::is_name;
pub use pattern::{PatternError, TopicPattern, covers, minimal_filters};
pub use report::{
    BindingReport, BindingSummary, BoundList, BoundTopic, ClockList, OrphanList, SilentList,
    SilentPoint, Trouble, TroubleList, WrongClock,
};
pub use scale::Linear;
pub use sparkplug::Outgoing;
pub use states::{Catalog, StateLabel, States, catalog, state_name};
pub use suggest::{
    Claimed, Example, LeftOut, Observed, Seen, SuggestedPoint, Suggestion, Suggestions, Unplaced,
    suggest,
};
pub use target::{By, Reach, Target};
pub use template::{Template, TemplateError};
pub(crate) use unit::{check as check_unit, conversion as unit_conversion};
