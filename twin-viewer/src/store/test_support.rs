//! Small stores for tests.

use twin_model::EntityKind;
use twin_protocol::{PointDef, PointUpdate, WireQuality, WireValue};

use super::{Entry, IndexFile, SceneIndex, Store};

pub(crate) const STALE_AFTER_MS: i64 = 10_000;

fn wire(text: &str) -> WireValue {
    match (text.parse::<bool>(), text.parse::<f64>()) {
        (Ok(yes), _) => WireValue::Bool(yes),
        (_, Ok(number)) => WireValue::F64(number),
        _ => WireValue::Text(text.to_owned()),
    }
}

/// A store without a scene: points as (entity, metric, value), sampled at time 0.
pub(crate) fn store(points: &[(&str, &str, &str)]) -> Store {
    let mut store = Store::default();
    add(&mut store, points);
    store
}

pub(crate) fn add(store: &mut Store, points: &[(&str, &str, &str)]) {
    for (entity, metric, value) in points {
        let def = PointDef {
            point: store.points.all().len() as u32,
            entity: (*entity).into(),
            metric: (*metric).into(),
            unit: String::new(),
            stale_after_ms: STALE_AFTER_MS as u32,
        };
        store.points.define(def, &store.scene).unwrap();
        set(store, entity, metric, value, 0);
    }
    store.generation += 1;
    store.points.take_changed();
}

/// A new sample of a point that was named in order.
pub(crate) fn set(store: &mut Store, entity: &str, metric: &str, value: &str, at_ms: i64) {
    let point = store
        .points
        .all()
        .iter()
        .position(|point| point.entity.as_str() == entity && &*point.metric == metric)
        .unwrap() as u32;
    let update = PointUpdate {
        point,
        value: wire(value),
        source_offset_ms: 0,
        receive_offset_ms: 0,
        quality: WireQuality::Good,
    };
    store.points.update(update, at_ms).unwrap();
}

/// An index entry that has nothing but its place in the tree.
pub(crate) fn entry(id: &str, parent: Option<u32>, kind: EntityKind) -> Entry {
    Entry {
        id: id.into(),
        parent,
        kind,
        name: id.to_owned(),
        long_name: None,
        storey: None,
        bbox: None,
        area_m2: None,
        elevation_m: None,
    }
}

/// A scene of (id, parent's position, kind).
pub(crate) fn scene_of(entities: &[(&str, Option<u32>, EntityKind)]) -> SceneIndex {
    let entities = entities.iter().map(|&(id, parent, kind)| entry(id, parent, kind)).collect();
    SceneIndex::new(IndexFile { revision: "r".into(), entities })
}
