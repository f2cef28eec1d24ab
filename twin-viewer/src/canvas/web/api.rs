//! `window.twin`: a few functions for tests and for power users.
//!
//! - `locate(entityId)`: where the entity can be seen on the canvas, `[x, y]` in CSS
//!   pixels, or `null`
//! - `pick(x, y)`: the entity under a CSS pixel of the canvas, or `null`
//! - `camera()`: `{target: [x, y, z], distance, heading, tilt}` in metres and degrees
//! - `stats()`: `{frames, tilesLoaded, tilesWanted, tilesDrawn, bytes, budget, heldBack, frameMs}`

use bevy::app::App;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsValue, closure::Closure};

use super::frames;
use crate::canvas::{render::Picture, scene::Scene};

/// Puts the functions on the page.
pub(super) fn expose() {
    let twin = object(&[
        ("locate", function(Closure::<dyn Fn(String) -> JsValue>::new(locate))),
        ("pick", function(Closure::<dyn Fn(f64, f64) -> JsValue>::new(pick))),
        ("camera", function(Closure::<dyn Fn() -> JsValue>::new(camera))),
        ("stats", function(Closure::<dyn Fn() -> JsValue>::new(stats))),
    ]);
    if let Some(window) = web_sys::window() {
        let _ = Reflect::set(&window, &JsValue::from_str("twin"), &twin);
    }
}

/// A function that lives as long as the page.
fn function<T: wasm_bindgen::closure::WasmClosure + ?Sized>(closure: Closure<T>) -> JsValue {
    closure.into_js_value()
}

fn object(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

fn locate(entity: String) -> JsValue {
    let entity = entity.as_str().into();
    let locate = |app: &mut App| app.world_mut().resource_mut::<Scene>().locate(&entity);
    match frames::with_app(locate).flatten() {
        Some([x, y]) => Array::of2(&x.into(), &y.into()).into(),
        None => JsValue::NULL,
    }
}

fn pick(x: f64, y: f64) -> JsValue {
    let pick = |app: &mut App| {
        let mut scene = app.world_mut().resource_mut::<Scene>();
        let target = scene.pick(glam::DVec2::new(x, y))?;
        scene.state.entity_at(target.slot).map(ToString::to_string)
    };
    frames::with_app(pick).flatten().map_or(JsValue::NULL, |id| JsValue::from_str(&id))
}

fn camera() -> JsValue {
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

fn stats() -> JsValue {
    let figures = frames::with_app(|app| {
        let frames = app.world().resource::<Picture>().frames;
        (frames, app.world().resource::<Scene>().figures())
    });
    let (frames, figures) = figures.unwrap_or_default();
    let progress = &figures.progress;
    object(&[
        ("frames", (frames as f64).into()),
        ("tilesLoaded", progress.loaded.into()),
        ("tilesWanted", progress.wanted.into()),
        ("tilesDrawn", (figures.drawn as f64).into()),
        ("bytes", (figures.bytes as f64).into()),
        ("budget", (figures.budget as f64).into()),
        ("heldBack", progress.held_back.into()),
        ("frameMs", figures.frame_ms.into()),
    ])
}
