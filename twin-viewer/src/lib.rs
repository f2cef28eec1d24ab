pub use bevy::prelude::*;
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn start() {
    App::new().add_plugins(DefaultPlugins).run();
}
