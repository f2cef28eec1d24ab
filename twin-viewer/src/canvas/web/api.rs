//! `window.twin`: a few functions for tests and for power users.

use bevy::app::App;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::frames;
use crate::canvas::{render::Picture, scene::Scene};

fn object(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// Where an entity can be seen on the canvas, `[x, y]` in CSS pixels, or `null`.
#[wasm_bindgen(js_name = twinLocate)]
pub fn locate(entity: &str) -> JsValue {
    let locate = |app: &mut App| app.world_mut().resource_mut::<Scene>().locate(&entity.into());
    match frames::with_app(locate).flatten() {
        Some([x, y]) => Array::of2(&x.into(), &y.into()).into(),
        None => JsValue::NULL,
    }
}

/// Which entity is under a CSS pixel of the canvas, or `null`.
#[wasm_bindgen(js_name = twinPick)]
pub fn pick(x: f64, y: f64) -> JsValue {
    let pick = |app: &mut App| {
        let mut scene = app.world_mut().resource_mut::<Scene>();
        let target = scene.pick(glam::DVec2::new(x, y))?;
        scene.state.entity_at(target.slot).map(ToString::to_string)
    };
    frames::with_app(pick).flatten().map_or(JsValue::NULL, |id| JsValue::from_str(&id))
}

/// The camera: `{target: [x, y, z], distance, heading, tilt}` in metres and degrees.
#[wasm_bindgen(js_name = twinCamera)]
pub fn camera() -> JsValue {
    let pose = frames::with_app(|app| app.world().resource::<Scene>().pose()).flatten();
    let Some(pose) = pose else { return JsValue::NULL };
    let target: Array = pose.target.iter().map(|&metres| JsValue::from_f64(metres)).collect();
    object(&[
        ("target", target.into()),
        ("distance", pose.distance_m.into()),
        ("heading", pose.heading_deg.into()),
        ("tilt", pose.tilt_deg.into()),
    ])
}

/// Figures: `{frames, tilesLoaded, tilesWanted, bytes}`.
#[wasm_bindgen(js_name = twinStats)]
pub fn stats() -> JsValue {
    let figures = frames::with_app(|app| {
        let frames = app.world().resource::<Picture>().frames;
        (frames, app.world().resource::<Scene>().figures())
    });
    let (frames, (loaded, wanted, bytes)) = figures.unwrap_or_default();
    object(&[
        ("frames", (frames as f64).into()),
        ("tilesLoaded", loaded.into()),
        ("tilesWanted", wanted.into()),
        ("bytes", (bytes as f64).into()),
    ])
}
