//! The one pass: background, solids, edges, glass and spaces, emphasis.

use bevy::{
    ecs::{
        system::{Res, ResMut},
        world::World,
    },
    render::{
        MainWorld,
        renderer::{PendingCommandBuffers, RenderContext, RenderDevice, RenderGraph, RenderQueue},
    },
};
use wgpu::{
    Buffer, Color, LoadOp, Operations, RenderPass, RenderPassColorAttachment,
    RenderPassDepthStencilAttachment, RenderPassDescriptor, StoreOp,
};

use super::{
    Picture,
    gpu::{Draw, Gpu, GpuTile},
    pipelines::{Pair, Pipelines},
    surface::Screen,
    uniforms::{self, MAX_EDGE_PASSES, PART_STRIDE},
};
use crate::canvas::{scene::Scene, tiles::content::Class};

/// Takes what changed out of the main world, straight to the GPU.
pub(super) fn extract(
    mut main: ResMut<'_, MainWorld>,
    mut gpu: ResMut<'_, Gpu>,
    mut screen: ResMut<'_, Screen>,
    device: Res<'_, RenderDevice>,
    queue: Res<'_, RenderQueue>,
) {
    let device = device.wgpu_device();
    let mut picture = std::mem::take(&mut *main.resource_mut::<Picture>());
    let frames = picture.frames + u64::from(picture.redraw && picture.camera.is_some());
    main.resource_mut::<Picture>().frames = frames;
    for tile in picture.drops.drain(..) {
        gpu.tiles.remove(&tile);
    }
    for upload in picture.uploads.drain(..) {
        gpu.upload(device, &upload);
    }
    if let Some(outline) = picture.outline.take() {
        gpu.set_outline(device, outline.as_ref());
    }
    screen.picture = None;
    if picture.redraw
        && let Some(camera) = &picture.camera
    {
        gpu.update_state(device, &queue, &mut main.resource_mut::<Scene>().state);
        gpu.fit(device, [picture.look.width, picture.look.height]);
        queue.write_buffer(&gpu.frame_uniforms, 0, &uniforms::frame(camera, &picture.look));
        screen.picture = Some(picture);
    }
}

/// Runs the graph, when there is a picture to draw.
pub(super) fn run_graph(world: &mut World) {
    if world.resource::<Screen>().picture.is_some() {
        world.run_schedule(RenderGraph);
    }
}

/// Records the pass.
pub(super) fn draw(mut context: RenderContext<'_, '_>, gpu: Res<'_, Gpu>, screen: Res<'_, Screen>) {
    let (Some(picture), Some(view), Some(targets)) = (&screen.picture, &screen.view, &gpu.targets)
    else {
        return;
    };
    let mut pass = context.command_encoder().begin_render_pass(&RenderPassDescriptor {
        label: Some("scene"),
        color_attachments: &[Some(RenderPassColorAttachment {
            view: &targets.color,
            depth_slice: None,
            resolve_target: Some(view),
            ops: Operations { load: LoadOp::Clear(Color::BLACK), store: StoreOp::Discard },
        })],
        depth_stencil_attachment: Some(RenderPassDepthStencilAttachment {
            view: &targets.depth,
            depth_ops: Some(Operations { load: LoadOp::Clear(0.0), store: StoreOp::Discard }),
            stencil_ops: None,
        }),
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    });
    pass.set_bind_group(0, &gpu.frame_group, &[]);
    pass.set_pipeline(&gpu.pipelines.backdrop);
    pass.set_bind_group(1, &gpu.nothing, &[0]);
    pass.draw(0..3, 0..1);
    let tiles = || picture.tiles.iter().filter_map(|tile| gpu.tiles.get(tile));
    let farthest_first = || picture.tiles.iter().rev().filter_map(|tile| gpu.tiles.get(tile));

    let Pipelines { surface, edge, glass, .. } = &gpu.pipelines;
    let mut parts = Parts { pass: &mut pass, in_place: &gpu.in_place };
    parts.draw(surface, tiles(), Class::Opaque, 0);
    parts.draw(surface, tiles(), Class::Ground, 0);
    for time in 0..picture.edge_passes.min(MAX_EDGE_PASSES) {
        parts.draw(edge, tiles(), Class::Edge, time);
    }
    parts.draw_sorted(glass, farthest_first(), Class::Glass);
    if picture.spaces {
        parts.draw_sorted(glass, farthest_first(), Class::Space);
        parts.draw(edge, tiles(), Class::SpaceEdge, 0);
    }
    if let Some(outline) = &gpu.outline {
        pass.set_pipeline(&gpu.pipelines.outline);
        pass.set_bind_group(1, &outline.bind_group, &[0]);
        pass.set_vertex_buffer(0, outline.vertices.slice(..));
        pass.draw(0..outline.count, 0..1);
    }
}

/// Draws parts of tiles.
struct Parts<'a, 'b> {
    pass: &'a mut RenderPass<'b>,
    in_place: &'a Buffer,
}

impl Parts<'_, '_> {
    /// Draws a class of all tiles, in whatever order is quick.
    fn draw<'t>(
        &mut self,
        pipelines: &Pair,
        tiles: impl Iterator<Item = &'t GpuTile> + Clone,
        class: Class,
        time: u32,
    ) {
        for (pipeline, are_copies) in pipelines.both() {
            self.pass.set_pipeline(pipeline);
            for tile in tiles.clone() {
                self.draw_tile(tile, class, are_copies, time);
            }
        }
    }

    /// Draws a class tile by tile, in the order that they come.
    fn draw_sorted<'t>(
        &mut self,
        pipelines: &Pair,
        tiles: impl Iterator<Item = &'t GpuTile>,
        class: Class,
    ) {
        for tile in tiles {
            for (pipeline, are_copies) in pipelines.both() {
                self.pass.set_pipeline(pipeline);
                self.draw_tile(tile, class, are_copies, 0);
            }
        }
    }

    fn draw_tile(&mut self, tile: &GpuTile, class: Class, are_copies: bool, time: u32) {
        let drawn = |draw: &&Draw| draw.class == class && draw.copies.is_some() == are_copies;
        for draw in tile.draws.iter().filter(drawn) {
            let uniforms = draw.uniforms + time * PART_STRIDE as u32;
            self.pass.set_bind_group(1, &tile.bind_group, &[uniforms]);
            let shared: &[usize] = if class.is_lines() { &[0] } else { &[0, 1, 2] };
            let mut slot = 0;
            let mut bind = |buffer: &Buffer, offset: u64| {
                self.pass.set_vertex_buffer(slot, buffer.slice(offset..));
                slot += 1;
            };
            shared.iter().for_each(|&stream| bind(&tile.vertices, draw.streams[stream]));
            if !are_copies {
                bind(self.in_place, 0);
            }
            bind(&tile.vertices, draw.streams[3]);
            self.pass.set_index_buffer(tile.indices.slice(draw.index_offset..), draw.index_format);
            self.pass.draw_indexed(0..draw.index_count, 0, 0..draw.copies.unwrap_or(1));
        }
    }
}

/// Sends what was recorded.
pub(super) fn submit(mut pending: ResMut<'_, PendingCommandBuffers>, queue: Res<'_, RenderQueue>) {
    let buffers = pending.take();
    if !buffers.is_empty() {
        queue.submit(buffers);
    }
}
