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

/// A site with more in it than this starts closed.
const OPEN_AT_START: usize = 40;

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
    let modelled = scene.modelled();
    let near = |building: &u32| {
        let extent = scene.extent(*building);
        modelled.zip(extent).is_none_or(|(site, extent)| {
            let center = extent.center();
            [0, 1].iter().all(|&axis| (site.min[axis]..=site.max[axis]).contains(&center[axis]))
        })
    };
    let buildings = scene.of_kind(EntityKind::Building).into_iter().filter(near);
    let tallest = buildings.max_by_key(|&building| scene.storeys_of(building).len());
    let open: Vec<u32> = (0..scene.len() as u32)
        .filter(|&at| {
            matches!(scene.at(at).kind, EntityKind::Project | EntityKind::Site)
                && scene.children(at).len() <= OPEN_AT_START
        })
        .collect();
    ctx.store.update_value(|store| store.set_scene(scene));
    ctx.expanded.update(|expanded| {
        expanded.clear();
        expanded.extend(open);
    });
    ctx.building.set(tallest);
    ctx.scene.set(SceneState::Loaded);
    ctx.structure.set(ctx.read(|store| store.generation));
    if let Some(modelled) = modelled {
        ctx.command(ViewCommand::Overview(modelled));
    }
    match info.tileset {
        Some(tileset) => ctx.command(ViewCommand::Open { tileset }),
        None => ctx.set_canvas(CanvasState::Ready), // nothing to wait for
    }
    super::address::restore(ctx);
    super::address::drop_unknown_storey(ctx);
}
