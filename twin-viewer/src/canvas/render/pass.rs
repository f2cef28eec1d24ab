//! The one pass: background, solids, edges, glass and spaces, emphasis.

use std::ops::Range;

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
    Color, LoadOp, Operations, RenderPass, RenderPassColorAttachment,
    RenderPassDepthStencilAttachment, RenderPassDescriptor, StoreOp,
};

use super::{
    Picture,
    gpu::{Gpu, GpuTile},
    surface::Screen,
    uniforms,
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

    pass.set_pipeline(&gpu.pipelines.surface);
    tiles().for_each(|tile| draw_class(&mut pass, tile, Class::Opaque));
    tiles().for_each(|tile| draw_class(&mut pass, tile, Class::Ground));
    pass.set_pipeline(&gpu.pipelines.edge);
    for edge_pass in 0..picture.edge_passes {
        let pass_at = edge_pass..edge_pass + 1;
        tiles().for_each(|tile| draw_instance(&mut pass, tile, Class::Edge, pass_at.clone()));
    }
    pass.set_pipeline(&gpu.pipelines.glass);
    farthest_first().for_each(|tile| draw_class(&mut pass, tile, Class::Glass));
    if picture.spaces {
        farthest_first().for_each(|tile| draw_class(&mut pass, tile, Class::Space));
        pass.set_pipeline(&gpu.pipelines.edge);
        tiles().for_each(|tile| draw_class(&mut pass, tile, Class::SpaceEdge));
    }
    if let Some(outline) = &gpu.outline {
        pass.set_pipeline(&gpu.pipelines.outline);
        pass.set_bind_group(1, &outline.bind_group, &[0]);
        pass.set_vertex_buffer(0, outline.vertices.slice(..));
        pass.draw(0..outline.count, 0..1);
    }
}

fn draw_class(pass: &mut RenderPass<'_>, tile: &GpuTile, class: Class) {
    draw_instance(pass, tile, class, 0..1);
}

fn draw_instance(pass: &mut RenderPass<'_>, tile: &GpuTile, class: Class, which: Range<u32>) {
    for draw in tile.draws.iter().filter(|draw| draw.class == class) {
        pass.set_bind_group(1, &tile.bind_group, &[draw.uniforms]);
        let streams: &[usize] = if class.is_lines() { &[0, 3] } else { &[0, 1, 2, 3] };
        for (slot, &stream) in streams.iter().enumerate() {
            pass.set_vertex_buffer(slot as u32, tile.vertices.slice(draw.streams[stream]..));
        }
        pass.set_index_buffer(tile.indices.slice(draw.index_offset..), draw.index_format);
        pass.draw_indexed(0..draw.index_count, 0, which.clone());
    }
}

/// Sends what was recorded.
pub(super) fn submit(mut pending: ResMut<'_, PendingCommandBuffers>, queue: Res<'_, RenderQueue>) {
    let buffers = pending.take();
    if !buffers.is_empty() {
        queue.submit(buffers);
    }
}
