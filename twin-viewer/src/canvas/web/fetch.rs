//! Fetches tiles. How many at once is decided by the stream.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::frames;
use crate::canvas::scene::{Arrival, Request};

/// Largest file accepted, bytes: far beyond any tile of ours.
const MAX_BYTES: u32 = 256 * 1024 * 1024;

/// Fetches, and hands the answer to the next frame.
pub(super) fn start(request: Request) {
    wasm_bindgen_futures::spawn_local(async move {
        let bytes = get(&request.url).await.map_err(|reason| {
            let reason = reason.as_string().unwrap_or_else(|| {
                let error = reason.dyn_ref::<js_sys::Error>();
                error.map_or_else(|| "fetch failed".into(), |error| error.message().into())
            });
            format!("{}: {reason}", request.url)
        });
        frames::push_arrival(Arrival { request, bytes });
    });
}

async fn get(url: &str) -> Result<Vec<u8>, JsValue> {
    let window = web_sys::window().ok_or("no window")?;
    let response: Response = JsFuture::from(window.fetch_with_str(url)).await?.dyn_into()?;
    if !response.ok() {
        return Err(format!("HTTP {} {}", response.status(), response.status_text()).into());
    }
    let buffer: ArrayBuffer = JsFuture::from(response.array_buffer()?).await?.dyn_into()?;
    if buffer.byte_length() > MAX_BYTES {
        return Err(format!("{} bytes is too large", buffer.byte_length()).into());
    }
    Ok(Uint8Array::new(&buffer).to_vec())
}
