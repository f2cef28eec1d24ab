//! What ingest hands to the live state: one decoded, validated sample and the point it
//! belongs to. Everything before it knows topics and payloads; nothing after it does.

use std::{sync::Arc, time::Duration};

use twin_model::{EntityId, Sample};

/// One sample on its way from ingest to the live state.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Where it was measured.
    pub entity: EntityId,
    /// What was measured, shared by every reading of a binding.
    pub metric: Arc<str>,
    /// UCUM unit code, empty for states.
    pub unit: Arc<str>,
    /// After how much silence the point is stale; absent for never.
    pub stale_after: Option<Duration>,
    /// The sample itself.
    pub sample: Sample,
}
