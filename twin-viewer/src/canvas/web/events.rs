//! The canvas' own events, turned into [`Input`]s. Keys count only while it has the focus.

use glam::DVec2;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    Event, HtmlCanvasElement, HtmlElement, KeyboardEvent, MouseEvent, PointerEvent, ResizeObserver,
    WheelEvent,
};

use super::frames::{push_input, wake};
use crate::{
    bridge::{self, ViewEvent},
    canvas::gesture::{Drag, Input, is_camera_key},
};

/// Pixels that a wheel's line stands for.
const LINE_PX: f64 = 36.0;

/// Listens to everything a person can do on the canvas, for as long as the page lives.
pub(super) fn listen(canvas: &HtmlCanvasElement) {
    // Touches are gestures here; the page does not scroll by them.
    let _ = canvas.style().set_property("touch-action", "none");
    on(canvas, "pointerdown", |canvas, event: PointerEvent| {
        let _ = canvas.set_pointer_capture(event.pointer_id());
        let touch = event.pointer_type() == "touch";
        let pan = event.button() != 0 || event.shift_key();
        let drag = if pan && !touch { Drag::Pan } else { Drag::Orbit };
        let _ = AsRef::<HtmlElement>::as_ref(canvas).focus();
        push_input(Input::Down { id: event.pointer_id(), at: place(&event), drag, touch });
        event.prevent_default();
    });
    on(canvas, "pointermove", |_, event: PointerEvent| {
        push_input(Input::Move { id: event.pointer_id(), at: place(&event) });
    });
    on(canvas, "pointerup", |_, event: PointerEvent| {
        push_input(Input::Up { id: event.pointer_id(), at: place(&event) });
    });
    on(canvas, "pointercancel", |_, event: PointerEvent| {
        push_input(Input::Cancel { id: event.pointer_id() });
    });
    on(canvas, "pointerleave", |_, _: PointerEvent| push_input(Input::Leave));
    on(canvas, "wheel", |canvas, event: WheelEvent| {
        event.prevent_default();
        let unit = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => LINE_PX,
            WheelEvent::DOM_DELTA_PAGE => f64::from(canvas.client_height()),
            _ => 1.0,
        };
        let (delta, pinch) = (event.delta_y() * unit, event.ctrl_key());
        push_input(Input::Wheel { at: place(&event), delta, pinch });
    });
    on(canvas, "contextmenu", |_, event: Event| event.prevent_default());
    on(canvas, "keydown", |_, event: KeyboardEvent| key(&event, true));
    on(canvas, "keyup", |_, event: KeyboardEvent| key(&event, false));
    on(canvas, "blur", |_, _: Event| push_input(Input::Blur));
    on(canvas, "webglcontextlost", |_, event: Event| {
        event.prevent_default();
        let reason = "the graphics device was lost; reload the page to get the 3D view back";
        bridge::emit(ViewEvent::Failed(reason.to_owned()));
    });
    let resized = Closure::<dyn FnMut()>::new(wake);
    if let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) {
        observer.observe(canvas);
        std::mem::forget(observer);
    }
    resized.forget();
}

fn key(event: &KeyboardEvent, down: bool) {
    let code = event.code();
    let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
    if !is_camera_key(&code) || (modified && down) {
        return;
    }
    event.prevent_default();
    push_input(Input::Key { code, down });
}

fn place(event: &MouseEvent) -> DVec2 {
    DVec2::new(f64::from(event.offset_x()), f64::from(event.offset_y()))
}

fn on<E: JsCast>(
    canvas: &HtmlCanvasElement,
    name: &str,
    mut act: impl FnMut(&HtmlCanvasElement, E) + 'static,
) {
    let element = canvas.clone();
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        if let Ok(event) = event.dyn_into::<E>() {
            act(&element, event);
        }
    });
    let _ = canvas.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    // The canvas lives as long as the page, and so do its listeners.
    closure.forget();
}
