//! Points and their latest samples: by the number they have on the wire, and by entity.

use std::{collections::HashMap, sync::Arc};

use twin_model::{EntityId, Metric, Quality, Value, metric};
use twin_protocol::{PointDef, PointUpdate};

use super::{EntityIx, SceneIndex};

/// Position of a point in the store; stays until the next full snapshot.
pub type PointIx = u32;

/// Most points a store takes; a server that names more is refused.
pub const MAX_POINTS: usize = 2_000_000;

/// Latest sample of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub value: Value,
    /// When the device says it measured, ms since 1970.
    pub source_ms: i64,
    /// When the server received it, ms since 1970.
    pub receive_ms: i64,
    /// What the server said of it.
    pub quality: Quality,
}

/// One point.
#[derive(Clone, Debug)]
pub struct Point {
    /// Where it is measured.
    pub entity: EntityId,
    /// The same in the scene index; absent where the index does not hold it.
    pub at: Option<EntityIx>,
    /// What is measured.
    pub metric: Arc<str>,
    /// The metric, where the product knows it.
    pub known: Option<&'static Metric>,
    /// UCUM unit code.
    pub unit: Arc<str>,
    /// After how much silence it is stale, ms; 0 for never.
    pub stale_after_ms: u32,
    /// Latest sample, once there is one.
    pub reading: Option<Reading>,
    /// Silent for too long by the server's clock, though the server has not said so yet.
    overdue: bool,
}

impl Point {
    /// How far the value can be trusted now; `None` where none ever came.
    pub fn quality(&self) -> Option<Quality> {
        let quality = self.reading.as_ref()?.quality;
        let stale = self.overdue && quality < Quality::Stale;
        Some(if stale { Quality::Stale } else { quality })
    }

    /// The value, unless the device says that it is not valid.
    pub fn number(&self) -> Option<f64> {
        let reading = self.reading.as_ref().filter(|reading| reading.quality != Quality::Bad)?;
        reading.value.as_f64()
    }

    /// The state by name.
    pub fn text(&self) -> Option<&str> {
        match &self.reading.as_ref()?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is what it should be: good or uncertain, and recent.
    pub fn is_live(&self) -> bool {
        self.quality().is_some_and(|quality| quality < Quality::Stale)
    }
}

/// A message that does not fit what came before it; the way out is a fresh snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// A sample for a number that was never given out.
    #[error("the server sent a value for point {0}, which it never named")]
    Unknown(u32),
    /// A number out of bounds.
    #[error("the server named point {0}; {MAX_POINTS} is the most this viewer takes")]
    TooMany(u32),
}

/// Every point subscribed to.
#[derive(Debug, Default)]
pub struct Points {
    all: Vec<Point>,
    /// Wire number → position, `u32::MAX` where there is none.
    numbers: Vec<u32>,
    by_entity: HashMap<EntityId, Vec<PointIx>>,
    names: HashMap<String, Arc<str>>,
    changed: Vec<PointIx>,
    is_changed: Vec<bool>,
}

impl Points {
    /// All points, in the order they were named.
    pub fn all(&self) -> &[Point] {
        &self.all
    }

    /// The point at a position.
    pub fn at(&self, ix: PointIx) -> &Point {
        &self.all[ix as usize]
    }

    /// Points of an entity, known metrics first and in their order.
    pub fn of(&self, entity: &str) -> &[PointIx] {
        self.by_entity.get(entity).map_or(&[], Vec::as_slice)
    }

    /// One point of an entity.
    pub fn find(&self, entity: &str, metric: &str) -> Option<&Point> {
        self.of(entity).iter().map(|&ix| self.at(ix)).find(|point| &*point.metric == metric)
    }

    /// Entities with points.
    pub fn entities(&self) -> impl Iterator<Item = &EntityId> {
        self.by_entity.keys()
    }

    /// Gives a point its number. Naming it again under another number keeps its value.
    pub fn define(&mut self, def: PointDef, scene: &SceneIndex) -> Result<(), PointError> {
        if def.point as usize >= MAX_POINTS {
            return Err(PointError::TooMany(def.point));
        }
        let at =
            self.of(&def.entity).iter().copied().find(|&ix| *self.at(ix).metric == *def.metric);
        let (metric, unit) = (self.shared(def.metric), self.shared(def.unit));
        let ix = match at {
            Some(ix) => {
                let point = &mut self.all[ix as usize];
                (point.unit, point.stale_after_ms) = (unit, def.stale_after_ms);
                ix
            }
            None => self.push(Point {
                at: scene.find(&def.entity),
                entity: def.entity.as_str().into(),
                known: metric::find(&metric),
                metric,
                unit,
                stale_after_ms: def.stale_after_ms,
                reading: None,
                overdue: false,
            }),
        };
        let number = def.point as usize;
        if number >= self.numbers.len() {
            self.numbers.resize(number + 1, u32::MAX);
        }
        self.numbers[number] = ix;
        Ok(())
    }

    fn push(&mut self, point: Point) -> PointIx {
        let ix = self.all.len() as PointIx;
        let entity = point.entity.clone();
        self.all.push(point);
        self.is_changed.push(false);
        self.mark(ix);
        let mut list = self.by_entity.remove(&entity).unwrap_or_default();
        list.push(ix);
        list.sort_by_key(|&ix| order_of(&self.at(ix).metric));
        self.by_entity.insert(entity, list);
        ix
    }

    fn shared(&mut self, text: String) -> Arc<str> {
        if let Some(shared) = self.names.get(&text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.as_str().into();
        self.names.insert(text, shared.clone());
        shared
    }

    /// Takes a sample; times count from `base_ms`.
    pub fn update(&mut self, update: PointUpdate, base_ms: i64) -> Result<(), PointError> {
        let ix = *self.numbers.get(update.point as usize).unwrap_or(&u32::MAX);
        let Some(point) = self.all.get_mut(ix as usize) else {
            return Err(PointError::Unknown(update.point));
        };
        point.reading = Some(Reading {
            value: update.value.into(),
            source_ms: base_ms.saturating_add(update.source_offset_ms),
            receive_ms: base_ms.saturating_add(update.receive_offset_ms),
            quality: update.quality.into(),
        });
        point.overdue = false;
        self.mark(ix);
        Ok(())
    }

    fn mark(&mut self, ix: PointIx) {
        if !std::mem::replace(&mut self.is_changed[ix as usize], true) {
            self.changed.push(ix);
        }
    }

    /// Finds points that fell silent by now, server time; about once a second.
    pub fn sweep(&mut self, now_ms: i64) {
        for ix in 0..self.all.len() {
            let point = &mut self.all[ix];
            let overdue = point.stale_after_ms > 0
                && point.reading.as_ref().is_some_and(|reading| {
                    now_ms.saturating_sub(reading.receive_ms) > i64::from(point.stale_after_ms)
                });
            if overdue != point.overdue {
                point.overdue = overdue;
                self.mark(ix as PointIx);
            }
        }
    }

    /// Takes the list of points that changed since the last call, each once.
    pub fn take_changed(&mut self) -> Vec<PointIx> {
        for &ix in &self.changed {
            self.is_changed[ix as usize] = false;
        }
        std::mem::take(&mut self.changed)
    }

    /// Whether [`Points::take_changed`] would return any.
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Forgets the numbers, which hold for one epoch, and keeps the values.
    pub fn forget_numbers(&mut self) {
        self.numbers.clear();
    }

    /// Looks every point's entity up again after another scene came.
    pub fn relocate(&mut self, scene: &SceneIndex) {
        for point in &mut self.all {
            point.at = scene.find(point.entity.as_str());
        }
    }
}

fn order_of(name: &str) -> usize {
    metric::METRICS.iter().position(|metric| metric.name == name).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use twin_protocol::{WireQuality, WireValue};

    use super::*;

    fn def(point: u32, entity: &str, metric: &str) -> PointDef {
        PointDef {
            point,
            entity: entity.into(),
            metric: metric.into(),
            unit: "kW".into(),
            stale_after_ms: 1000,
        }
    }

    fn sample(point: u32, value: f32) -> PointUpdate {
        PointUpdate {
            point,
            value: WireValue::F32(value),
            source_offset_ms: -5,
            receive_offset_ms: 0,
            quality: WireQuality::Good,
        }
    }

    #[test]
    fn values_arrive_by_number_and_change_once() {
        let (scene, mut points) = (SceneIndex::default(), Points::default());
        points.define(def(7, "m", "voltage"), &scene).unwrap();
        points.define(def(8, "m", "power"), &scene).unwrap();
        points.update(sample(8, 1.0), 100).unwrap();
        points.update(sample(8, 2.0), 200).unwrap();
        let power = points.find("m", "power").unwrap();
        assert_eq!(power.number(), Some(2.0));
        assert_eq!(power.reading.as_ref().unwrap().source_ms, 195);
        assert_eq!(points.of("m"), [1, 0], "known metrics first");
        assert_eq!(points.take_changed(), [0, 1]);
        assert!(!points.has_changed());
        assert_eq!(points.update(sample(9, 0.0), 0), Err(PointError::Unknown(9)));
        let far = MAX_POINTS as u32;
        assert_eq!(points.define(def(far, "m", "x"), &scene), Err(PointError::TooMany(far)));
    }

    #[test]
    fn silence_makes_stale_and_a_sample_makes_good() {
        let (scene, mut points) = (SceneIndex::default(), Points::default());
        points.define(def(0, "m", "power"), &scene).unwrap();
        points.define(def(1, "m", "energy"), &scene).unwrap();
        points.update(sample(0, 1.0), 0).unwrap();
        points.take_changed();
        points.sweep(1000);
        assert!(!points.has_changed());
        points.sweep(1001);
        assert_eq!(points.take_changed(), [0]);
        assert_eq!(points.at(0).quality(), Some(Quality::Stale));
        assert_eq!(points.at(1).quality(), None, "nothing ever came");
        points.update(sample(0, 1.0), 2000).unwrap();
        assert_eq!(points.at(0).quality(), Some(Quality::Good));
    }

    #[test]
    fn a_new_number_keeps_the_value() {
        let (scene, mut points) = (SceneIndex::default(), Points::default());
        points.define(def(0, "m", "power"), &scene).unwrap();
        points.update(sample(0, 1.0), 0).unwrap();
        points.forget_numbers();
        assert_eq!(points.update(sample(0, 1.0), 0), Err(PointError::Unknown(0)));
        points.define(def(3, "m", "power"), &scene).unwrap();
        assert_eq!(points.all().len(), 1);
        assert_eq!(points.find("m", "power").unwrap().number(), Some(1.0));
    }
}
