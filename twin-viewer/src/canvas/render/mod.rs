//! Draws the scene: Bevy's render world with one pass of our own instead of Bevy's stock
//! passes. The main world composes a [`Picture`]; it is extracted, and drawn only when it
//! asks to be.

mod gpu;
mod pass;
mod pipelines;
mod surface;
mod uniforms;

use std::sync::Arc;

use bevy::{
    app::{App, Plugin},
    ecs::schedule::{IntoScheduleConfigs, ScheduleLabel},
    prelude::Resource,
    render::{
        ExtractSchedule, Render, RenderApp, RenderSystems,
        extract_plugin::ExtractPlugin,
        renderer::{PendingCommandBuffers, RenderGraph, RenderGraphSystems},
    },
};
use glam::DVec3;

pub use surface::{Graphics, GraphicsError};
pub use uniforms::Look;

use super::{camera::Camera, tiles::content::Content};

/// A tile to put on the GPU.
pub struct Upload {
    /// Which.
    pub tile: usize,
    /// What stands in it.
    pub content: Arc<Content>,
    /// Slot of its feature 0.
    pub base: usize,
}

/// Lines around what is selected, two triangles each.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// What the vertices count from, local frame.
    pub origin: DVec3,
    /// Both ends of the line, and which side (4th) and end (8th) the vertex is at.
    pub vertices: Vec<[f32; 8]>,
    /// Width of the lines, CSS pixels of a desk.
    pub width_px: f32,
}

/// The next picture, composed in the main world.
#[derive(Resource, Default)]
pub struct Picture {
    /// Whether anything in it changed, so that it must be drawn.
    pub redraw: bool,
    /// From where.
    pub camera: Option<Camera>,
    /// How.
    pub look: Look,
    /// Tiles to draw, nearest first.
    pub tiles: Vec<usize>,
    /// Whether volumes of spaces are drawn.
    pub spaces: bool,
    /// How many times each edge is drawn, a pixel apart: thicker for large displays.
    pub edge_passes: u32,
    /// Tiles to put on the GPU.
    pub uploads: Vec<Upload>,
    /// Tiles to take off it.
    pub drops: Vec<usize>,
    /// A new outline, or none from now on.
    pub outline: Option<Option<Outline>>,
    /// Pictures drawn so far.
    pub frames: u64,
}

/// Adds the render world, its one pass, and the surface they draw to.
pub struct DrawPlugin;

impl Plugin for DrawPlugin {
    fn build(&self, app: &mut App) {
        app.add_plugins(ExtractPlugin::default()).init_resource::<Picture>();
        let Some(render_app) = app.get_sub_app_mut(RenderApp) else { return };
        render_app
            .init_resource::<PendingCommandBuffers>()
            .add_schedule(RenderGraph::base_schedule())
            .add_systems(ExtractSchedule, pass::extract)
            .add_systems(Render, pass::run_graph.in_set(RenderSystems::Render))
            .add_systems(
                RenderGraph,
                (
                    surface::acquire.in_set(RenderGraphSystems::Begin),
                    pass::draw.in_set(RenderGraphSystems::Render),
                    pass::submit.in_set(RenderGraphSystems::Submit),
                    surface::present.in_set(RenderGraphSystems::Finish),
                ),
            );
        render_app.update_schedule = Some(Render.intern());
    }
}
