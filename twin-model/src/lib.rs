//! The domain of the digital twin, pure: what a scene is made of, what is
//! measured in it, and how the two are named. No I/O, no async; it compiles to
//! WebAssembly, so the server and the viewer speak of the same things.

pub mod changes;
pub mod entity;
pub mod metric;
pub mod point;
pub mod scene;
pub mod walk;

pub use entity::{BoundingBox, Entity, EntityId, EntityKind};
pub use metric::Metric;
pub use point::{PointKey, Quality, Sample, Value};
pub use scene::{Scene, SceneError, SceneInfo};
