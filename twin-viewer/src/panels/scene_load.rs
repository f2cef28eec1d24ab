//! Fetches the scene: where its tiles are, and the index of its entities.

use std::{cell::Cell, time::Duration};

use leptos::prelude::*;
use serde::Deserialize;
use twin_model::EntityKind;

use super::ctx::{CanvasState, Ctx, SceneState};
use crate::{
    bridge::ViewCommand,
    net::{self, ApiError, Backoff},
    store::{IndexFile, SceneIndex},
};

/// What `/api/v1/scene` says, as far as it concerns the viewer.
#[derive(Deserialize)]
struct SceneInfo {
    #[serde(default)]
    tileset: Option<String>,
}

thread_local! {
    static BACKOFF: Cell<Backoff> = Cell::new(Backoff::default());
    /// A load that was overtaken by another keeps its result to itself.
    static SERIAL: Cell<u32> = const { Cell::new(0) };
}

/// Loads the scene in place of the one shown; tries until it succeeds.
pub(crate) fn load(ctx: Ctx) {
    let serial = SERIAL.get() + 1;
    SERIAL.set(serial);
    leptos::task::spawn_local(async move {
        let result = fetch().await;
        if SERIAL.get() != serial {
            return;
        }
        match result {
            Ok((info, index)) => show(ctx, info, index),
            Err(error) => {
                ctx.scene.set(SceneState::Failed(error));
                let mut backoff = BACKOFF.get();
                let wait = backoff.next_ms(js_sys::Math::random());
                BACKOFF.set(backoff);
                set_timeout(move || load(ctx), Duration::from_millis(wait as u64));
            }
        }
    });
}

async fn fetch() -> Result<(SceneInfo, IndexFile), ApiError> {
    let info = net::get("/api/v1/scene").await?;
    let index = net::get("/api/v1/scene/index").await?;
    Ok((info, index))
}

fn show(ctx: Ctx, info: SceneInfo, index: IndexFile) {
    BACKOFF.set(Backoff::default());
    let scene = SceneIndex::new(index);
    let buildings = scene.of_kind(EntityKind::Building);
    let open: Vec<u32> = (0..scene.len() as u32)
        .filter(|&at| matches!(scene.at(at).kind, EntityKind::Project | EntityKind::Site))
        .collect();
    ctx.store.update_value(|store| store.set_scene(scene));
    ctx.expanded.update(|expanded| {
        expanded.clear();
        expanded.extend(open);
    });
    ctx.building.set(buildings.first().copied());
    ctx.scene.set(SceneState::Loaded);
    ctx.structure.set(ctx.read(|store| store.generation));
    match info.tileset {
        Some(tileset) => ctx.command(ViewCommand::Open { tileset }),
        None => ctx.set_canvas(CanvasState::Ready), // nothing to wait for
    }
    super::address::restore(ctx);
}
