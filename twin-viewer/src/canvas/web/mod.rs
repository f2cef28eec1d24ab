//! The browser's side: finds the canvas, runs frames when something asks for one.

mod api;
mod budget;
mod events;
mod fetch;
mod frames;

use wasm_bindgen::{JsCast, prelude::wasm_bindgen};
use web_sys::HtmlCanvasElement;

pub use frames::wake;

use super::{app, render::Graphics, scene::Scene};
use crate::bridge::{self, ViewEvent};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// Starts the 3D part on the canvas that a CSS selector names, and returns at once.
/// Where 3D cannot be had, [`ViewEvent::Failed`] says why.
pub fn start(canvas_selector: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    let canvas = document
        .and_then(|document| document.query_selector(canvas_selector).ok().flatten())
        .and_then(|element| element.dyn_into::<HtmlCanvasElement>().ok());
    let Some(canvas) = canvas else {
        return fail(format!("the page has no canvas {canvas_selector}"));
    };
    wasm_bindgen_futures::spawn_local(async move {
        match Graphics::open(wgpu::SurfaceTarget::Canvas(canvas.clone())).await {
            Ok(graphics) => {
                let mut app = app::build();
                if let Some(bytes) = budget::bytes() {
                    app.world_mut().resource_mut::<Scene>().budget = bytes;
                }
                graphics.install(&mut app, fail, |error| console_error(&error));
                events::listen(&canvas);
                api::expose();
                frames::run(app, canvas);
            }
            Err(error) => fail(error.to_string()),
        }
    });
}

fn fail(reason: String) {
    bridge::emit(ViewEvent::Failed(reason));
}
