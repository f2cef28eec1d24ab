//! How much memory tiles may take in this browser.

use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

const MIB: f64 = 1024.0 * 1024.0;
/// Least and most that an address may ask for: one tile, and half of what 32 bits address.
const ASKED_MIB: [f64; 2] = [16.0, 2048.0];
/// What a device gives without being asked, at least and at most.
const GIVEN_MIB: [f64; 2] = [128.0, 768.0];
/// Part of a device's memory.
const PART: f64 = 1.0 / 10.0;

/// Bytes for tiles, here and on the GPU together: what the address says (`?budget=` MiB),
/// else by the memory that the device tells of, else nothing.
pub(super) fn bytes() -> Option<usize> {
    let window = web_sys::window()?;
    let mib = asked(&window).or_else(|| {
        // In GiB, rounded to a power of two and at most 8; not every browser tells.
        let told = js_sys::Reflect::get(&window.navigator(), &JsValue::from_str("deviceMemory"));
        let gib = told.ok()?.as_f64()?;
        Some((gib * 1024.0 * PART).clamp(GIVEN_MIB[0], GIVEN_MIB[1]))
    })?;
    Some((mib * MIB) as usize)
}

fn asked(window: &web_sys::Window) -> Option<f64> {
    let search = window.location().search().ok()?;
    let text = UrlSearchParams::new_with_str(&search).ok()?.get("budget")?;
    let mib: f64 = text.parse().ok().filter(|mib: &f64| mib.is_finite())?;
    Some(mib.clamp(ASKED_MIB[0], ASKED_MIB[1]))
}
