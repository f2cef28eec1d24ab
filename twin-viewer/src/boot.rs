//! The page's entry: panels first, so that there is something to read, then the canvas.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// The page's own words for a panic, shown in place of the page.
    #[wasm_bindgen(js_name = twinPanic)]
    fn twin_panic(reason: &str);
}

/// Runs once, when the page has loaded the module.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        twin_panic(&info.to_string());
    }));
    let canvas = webgl();
    #[cfg(feature = "panels")]
    crate::panels::mount(canvas.clone());
    if canvas.is_ok() {
        start_canvas();
    }
}

#[cfg(feature = "canvas")]
fn start_canvas() {
    crate::canvas::start("#scene");
}

#[cfg(not(feature = "canvas"))]
fn start_canvas() {
    crate::bridge::emit(crate::bridge::ViewEvent::Failed("built without 3D".into()));
}

/// Whether the browser draws WebGL 2, and if not, why.
fn webgl() -> Result<(), String> {
    let canvas = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.create_element("canvas").ok())
        .and_then(|canvas| canvas.dyn_into::<web_sys::HtmlCanvasElement>().ok())
        .ok_or("no canvas element")?;
    let words = |error: JsValue| format!("{error:?}");
    match canvas.get_context("webgl2").map_err(words)? {
        Some(_) => Ok(()),
        None => Err("WebGL 2 is not available".to_owned()),
    }
}
