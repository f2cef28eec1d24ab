//! What lives on the GPU: the picture's targets, the state texture, the tiles.

use std::{collections::HashMap, ops::Range};

use bevy::prelude::Resource;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindGroupLayoutDescriptor,
    BindGroupLayoutEntry, BindingResource, BindingType, Buffer, BufferBinding, BufferBindingType,
    BufferDescriptor, BufferSize, BufferUsages, Device, Extent3d, IndexFormat, Queue, ShaderStages,
    Texture, TextureDescriptor, TextureDimension, TextureFormat, TextureUsages, TextureView,
    util::{BufferInitDescriptor, DeviceExt},
};

use super::{
    Outline, Upload,
    pipelines::{DEPTH_FORMAT, Pipelines, SAMPLES},
    uniforms::{self, FRAME_SIZE, MAX_EDGE_PASSES, PART_SIZE, PART_STRIDE},
};
use crate::canvas::{
    state::{SLOTS_PER_ROW, State},
    tiles::content::{Class, IndexWidth, Owners},
};

/// One draw call of a tile.
pub(super) struct Draw {
    pub(super) class: Class,
    pub(super) uniforms: u32,
    /// Offsets in the vertex buffer: positions, normals, colours, then whose they are: ids,
    /// or copies.
    pub(super) streams: [u64; 4],
    /// Copies to draw; none where the part stands in one place.
    pub(super) copies: Option<u32>,
    pub(super) index_offset: u64,
    pub(super) index_format: IndexFormat,
    pub(super) index_count: u32,
}

/// A tile on the GPU.
pub(super) struct GpuTile {
    pub(super) vertices: Buffer,
    pub(super) indices: Buffer,
    pub(super) bind_group: BindGroup,
    pub(super) draws: Vec<Draw>,
}

/// The outline of what is selected.
pub(super) struct GpuOutline {
    pub(super) vertices: Buffer,
    pub(super) count: u32,
    pub(super) bind_group: BindGroup,
}

/// Colour and depth, many samples a pixel.
pub(super) struct Targets {
    pub(super) size: [u32; 2],
    pub(super) color: TextureView,
    pub(super) depth: TextureView,
}

/// Everything on the GPU, in Bevy's render world.
#[derive(Resource)]
pub(super) struct Gpu {
    pub(super) pipelines: Pipelines,
    pub(super) format: TextureFormat,
    frame_layout: BindGroupLayout,
    part_layout: BindGroupLayout,
    pub(super) frame_uniforms: Buffer,
    pub(super) frame_group: BindGroup,
    state: Texture,
    pub(super) targets: Option<Targets>,
    pub(super) tiles: HashMap<usize, GpuTile>,
    pub(super) outline: Option<GpuOutline>,
    pub(super) nothing: BindGroup,
    /// The copy that stands where it was written, for what is in one place.
    pub(super) in_place: Buffer,
}

fn layout_entry(binding: u32, stages: ShaderStages, ty: BindingType) -> BindGroupLayoutEntry {
    BindGroupLayoutEntry { binding, visibility: stages, ty, count: None }
}

fn uniform(dynamic: bool, size: u64) -> BindingType {
    BindingType::Buffer {
        ty: BufferBindingType::Uniform,
        has_dynamic_offset: dynamic,
        min_binding_size: BufferSize::new(size),
    }
}

fn state_texture(device: &Device, rows: usize) -> Texture {
    device.create_texture(&TextureDescriptor {
        label: Some("state"),
        size: Extent3d {
            width: SLOTS_PER_ROW as u32 * 2,
            height: rows.max(1) as u32,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: TextureDimension::D2,
        format: TextureFormat::Rgba8Unorm,
        usage: TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

impl Gpu {
    pub(super) fn new(device: &Device, format: TextureFormat) -> Self {
        let both = ShaderStages::VERTEX_FRAGMENT;
        let texture = BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let frame_layout = device.create_bind_group_layout(&BindGroupLayoutDescriptor {
            label: Some("frame"),
            entries: &[
                layout_entry(0, both, uniform(false, FRAME_SIZE)),
                layout_entry(1, ShaderStages::VERTEX, texture),
            ],
        });
        let part_layout = device.create_bind_group_layout(&BindGroupLayoutDescriptor {
            label: Some("part"),
            entries: &[layout_entry(0, both, uniform(true, PART_SIZE))],
        });
        let frame_uniforms = device.create_buffer(&BufferDescriptor {
            label: Some("frame"),
            size: FRAME_SIZE,
            usage: BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let state = state_texture(device, 1);
        let frame_group = frame_group(device, &frame_layout, &frame_uniforms, &state);
        let nothing = part_group(device, &part_layout, &[0; PART_SIZE as usize]);
        Self {
            pipelines: Pipelines::new(device, [&frame_layout, &part_layout], format),
            format,
            frame_layout,
            part_layout,
            frame_uniforms,
            frame_group,
            state,
            targets: None,
            tiles: HashMap::new(),
            outline: None,
            nothing,
            in_place: init(device, &uniforms::in_place(), BufferUsages::VERTEX),
        }
    }

    /// Brings the texture of looks up to date: only rows that changed are sent.
    pub(super) fn update_state(&mut self, device: &Device, queue: &Queue, state: &mut State) {
        let rows = state.rows().max(1) as u32;
        if rows != self.state.height() {
            self.state = state_texture(device, rows as usize);
            self.frame_group =
                frame_group(device, &self.frame_layout, &self.frame_uniforms, &self.state);
            state.invalidate();
        }
        let texture = &self.state;
        state.take_dirty(|row, bytes| {
            let per_row = SLOTS_PER_ROW as u32 * 8;
            queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture,
                    mip_level: 0,
                    origin: wgpu::Origin3d { x: 0, y: row as u32, z: 0 },
                    aspect: wgpu::TextureAspect::All,
                },
                bytes,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(per_row),
                    rows_per_image: None,
                },
                Extent3d {
                    width: SLOTS_PER_ROW as u32 * 2,
                    height: bytes.len() as u32 / per_row,
                    depth_or_array_layers: 1,
                },
            );
        });
    }

    /// Puts a tile on the GPU: its vertices as they came in the file.
    pub(super) fn upload(&mut self, device: &Device, upload: &Upload) {
        let content = &*upload.content;
        let mut indices = Vec::new();
        let mut uniforms = Vec::new();
        let mut draws = Vec::new();
        let Range { start, end } = content.vertices();
        for part in content.parts.iter().filter(|part| part.index_count > 0) {
            let offset = |at: usize| (at - start) as u64;
            let (owners, copies) = match part.owners {
                Owners::Vertices(at) => (at, None),
                Owners::Copies(at, count) => (at, Some(count as u32)),
            };
            draws.push(Draw {
                class: part.class,
                uniforms: uniforms.len() as u32,
                streams: [
                    offset(part.positions),
                    part.normals.map_or(0, offset),
                    part.colors.map_or(0, offset),
                    offset(owners),
                ],
                copies,
                index_offset: indices.len() as u64,
                index_format: match part.index_width {
                    IndexWidth::U16 => IndexFormat::Uint16,
                    IndexWidth::U32 => IndexFormat::Uint32,
                },
                index_count: part.index_count as u32,
            });
            indices.extend(&content.bin[part.indices..part.indices + part.index_bytes()]);
            indices.resize(indices.len().next_multiple_of(4), 0);
            let times = if part.class.is_lines() { MAX_EDGE_PASSES } else { 1 };
            for time in 0..times {
                uniforms.extend(uniforms::part(part, upload.base, time));
                uniforms.resize(uniforms.len().next_multiple_of(PART_STRIDE as usize), 0);
            }
        }
        if draws.is_empty() {
            return;
        }
        // The last vertex's padding may have been left out of the file.
        let mut vertices = content.bin[start..end.min(content.bin.len())].to_vec();
        vertices.resize((end - start).next_multiple_of(4), 0);
        let tile = GpuTile {
            vertices: init(device, &vertices, BufferUsages::VERTEX),
            indices: init(device, &indices, BufferUsages::INDEX),
            bind_group: part_group(device, &self.part_layout, &uniforms),
            draws,
        };
        self.tiles.insert(upload.tile, tile);
    }

    /// Shows this outline in place of the one before.
    pub(super) fn set_outline(&mut self, device: &Device, outline: Option<&Outline>) {
        self.outline = outline.filter(|outline| !outline.vertices.is_empty()).map(|outline| {
            let bytes: Vec<u8> =
                outline.vertices.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
            let uniforms = uniforms::outline(outline.origin, outline.width_px, 0.95);
            GpuOutline {
                vertices: init(device, &bytes, BufferUsages::VERTEX),
                count: outline.vertices.len() as u32,
                bind_group: part_group(device, &self.part_layout, &uniforms),
            }
        });
    }

    /// Makes the targets fit the picture.
    pub(super) fn fit(&mut self, device: &Device, size: [u32; 2]) {
        if self.targets.as_ref().is_some_and(|targets| targets.size == size) {
            return;
        }
        let target = |format| {
            let texture = device.create_texture(&TextureDescriptor {
                label: Some("target"),
                size: Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: SAMPLES,
                dimension: TextureDimension::D2,
                format,
                usage: TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            texture.create_view(&wgpu::TextureViewDescriptor::default())
        };
        let (color, depth) = (target(self.format), target(DEPTH_FORMAT));
        self.targets = Some(Targets { size, color, depth });
    }
}

fn init(device: &Device, contents: &[u8], usage: BufferUsages) -> Buffer {
    device.create_buffer_init(&BufferInitDescriptor { label: None, contents, usage })
}

fn frame_group(
    device: &Device,
    layout: &BindGroupLayout,
    uniforms: &Buffer,
    state: &Texture,
) -> BindGroup {
    let view = state.create_view(&wgpu::TextureViewDescriptor::default());
    device.create_bind_group(&BindGroupDescriptor {
        label: Some("frame"),
        layout,
        entries: &[
            BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
            BindGroupEntry { binding: 1, resource: BindingResource::TextureView(&view) },
        ],
    })
}

fn part_group(device: &Device, layout: &BindGroupLayout, uniforms: &[u8]) -> BindGroup {
    let buffer = init(device, uniforms, BufferUsages::UNIFORM);
    device.create_bind_group(&BindGroupDescriptor {
        label: Some("part"),
        layout,
        entries: &[BindGroupEntry {
            binding: 0,
            resource: BindingResource::Buffer(BufferBinding {
                buffer: &buffer,
                offset: 0,
                size: BufferSize::new(PART_SIZE),
            }),
        }],
    })
}
