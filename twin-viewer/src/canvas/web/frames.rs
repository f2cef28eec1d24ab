//! Frames on demand: a frame runs when a command, an input, an arrival or a timer asks
//! for one, never because time passes. A canvas that shows nothing new costs nothing.

use std::cell::{Cell, RefCell};

use bevy::app::App;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlCanvasElement, Window};

use super::fetch;
use crate::{
    bridge,
    canvas::{
        app::Inbox,
        gesture::Input,
        scene::{Arrival, CanvasSize, Clock, Scene, Wake},
    },
};

/// Most pixels drawn: a 4K display. More costs much and shows little.
const MAX_PIXELS: f64 = 3840.0 * 2160.0;
/// Most inputs that wait for a frame; moves supersede each other beyond it.
const MAX_INPUTS: usize = 256;

struct Running {
    app: App,
    canvas: HtmlCanvasElement,
    frame: Closure<dyn FnMut()>,
    later: Closure<dyn FnMut()>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
    static INBOX: RefCell<Inbox> = RefCell::new(Inbox::default());
    static ASKED: Cell<bool> = const { Cell::new(false) };
    static TIMER: Cell<Option<i32>> = const { Cell::new(None) };
    static LAST_MS: Cell<f64> = const { Cell::new(0.0) };
    static ASKED_MS: Cell<f64> = const { Cell::new(0.0) };
    static STEP_MS: Cell<f64> = const { Cell::new(0.0) };
}

/// Milliseconds since the page began.
pub(super) fn now_ms() -> f64 {
    let performance = web_sys::window().and_then(|window| window.performance());
    performance.map_or(0.0, |performance| performance.now())
}

/// Runs the app on the canvas from now on.
pub(super) fn run(app: App, canvas: HtmlCanvasElement) {
    let running = Running {
        app,
        canvas,
        frame: Closure::new(frame),
        later: Closure::new(|| {
            TIMER.set(None);
            wake();
        }),
    };
    RUNNING.with(|cell| *cell.borrow_mut() = Some(running));
    bridge::set_canvas_waker(wake);
    wake();
}

/// Asks for a frame: something changed. Cheap, and idempotent until the frame runs.
pub fn wake() {
    if ASKED.get() {
        return;
    }
    RUNNING.with(|cell| {
        // Borrowed: a frame is running, and looks for what is new at its end.
        if let (Ok(running), Some(window)) = (cell.try_borrow(), web_sys::window())
            && let Some(running) = &*running
        {
            let callback = running.frame.as_ref().unchecked_ref();
            // A hidden page gets no animation frames, but commands must not pile up.
            let hidden = window.document().is_some_and(|document| document.hidden());
            let asked = if hidden {
                window.set_timeout_with_callback_and_timeout_and_arguments_0(callback, 1_000)
            } else {
                window.request_animation_frame(callback)
            };
            ASKED.set(asked.is_ok());
            ASKED_MS.set(now_ms());
        }
    });
}

/// Something happened on the canvas.
pub(super) fn push_input(input: Input) {
    INBOX.with(|inbox| {
        let inputs = &mut inbox.borrow_mut().inputs;
        if inputs.len() < MAX_INPUTS || !matches!(input, Input::Move { .. }) {
            inputs.push(input);
        }
    });
    wake();
}

/// Something was fetched.
pub(super) fn push_arrival(arrival: Arrival) {
    INBOX.with(|inbox| inbox.borrow_mut().arrivals.push(arrival));
    wake();
}

/// Does something with the app's scene, unless a frame is running.
pub(super) fn with_app<T>(act: impl FnOnce(&mut App) -> T) -> Option<T> {
    RUNNING.with(|cell| cell.try_borrow_mut().ok()?.as_mut().map(|running| act(&mut running.app)))
}

fn frame() {
    ASKED.set(false);
    let wanted = RUNNING.with(|cell| {
        let mut running = cell.try_borrow_mut().ok()?;
        let running = running.as_mut()?;
        Some(step(running))
    });
    let Some(wanted) = wanted else { return };
    let waiting = INBOX.with(|inbox| {
        let inbox = inbox.borrow();
        !inbox.inputs.is_empty() || !inbox.arrivals.is_empty()
    });
    if wanted.soon || waiting || bridge::has_commands() {
        wake();
    } else if let Some(at_ms) = wanted.at_ms {
        wake_at(at_ms);
    }
}

fn step(running: &mut Running) -> Wake {
    let now = now_ms();
    let delta_secs = ((now - LAST_MS.replace(now)) / 1_000.0).clamp(0.0, 0.1);
    let size = fit(&running.canvas);
    let world = running.app.world_mut();
    // A device that is behind gives frames late, or keeps the one before waiting.
    let frame_ms = now - ASKED_MS.get() + STEP_MS.get();
    *world.resource_mut::<Clock>() =
        Clock { now_ms: now, delta_secs, frame_ms, read: Some(now_ms) };
    *world.resource_mut::<Inbox>() = INBOX.take();
    let mut scene = world.resource_mut::<Scene>();
    scene.resize(size);
    scene.reduced_motion = reduced_motion();
    running.app.update();
    let world = running.app.world_mut();
    for request in std::mem::take(&mut world.resource_mut::<Scene>().requests) {
        fetch::start(request);
    }
    STEP_MS.set(now_ms() - now);
    *world.resource::<Wake>()
}

fn wake_at(at_ms: f64) {
    let (Some(window), delay) = (web_sys::window(), (at_ms - now_ms()).clamp(0.0, 3.6e6)) else {
        return;
    };
    cancel_timer(&window);
    RUNNING.with(|cell| {
        if let Some(running) = &*cell.borrow() {
            let callback = running.later.as_ref().unchecked_ref();
            let timer = window
                .set_timeout_with_callback_and_timeout_and_arguments_0(callback, delay as i32 + 1);
            TIMER.set(timer.ok());
        }
    });
}

fn cancel_timer(window: &Window) {
    if let Some(timer) = TIMER.take() {
        window.clear_timeout_with_handle(timer);
    }
}

/// Sizes the canvas' pixels after its place on the page.
fn fit(canvas: &HtmlCanvasElement) -> CanvasSize {
    let css = [f64::from(canvas.client_width()), f64::from(canvas.client_height())];
    let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
    let most = (MAX_PIXELS / (css[0] * css[1]).max(1.0)).sqrt();
    let ratio = ratio.clamp(0.5, 4.0).min(most);
    let pixels = css.map(|length| (length * ratio).round() as u32);
    CanvasSize { css, pixels }
}

fn reduced_motion() -> bool {
    web_sys::window()
        .and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok().flatten())
        .is_some_and(|query| query.matches())
}
