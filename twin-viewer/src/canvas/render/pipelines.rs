//! The few pipelines that everything is drawn with. All are made at the start, so that
//! no frame ever waits for a shader.

use wgpu::{
    BindGroupLayout, BlendState, ColorTargetState, CompareFunction, DepthStencilState, Device,
    FragmentState, MultisampleState, PipelineLayoutDescriptor, PrimitiveState, PrimitiveTopology,
    RenderPipeline, RenderPipelineDescriptor, ShaderModule, ShaderModuleDescriptor, ShaderSource,
    TextureFormat, VertexAttribute, VertexBufferLayout, VertexFormat, VertexState, VertexStepMode,
};

use crate::canvas::tiles::content::COPY_BYTES;

/// Format of the depth buffer.
pub(super) const DEPTH_FORMAT: TextureFormat = TextureFormat::Depth32Float;
/// Samples a pixel.
pub(super) const SAMPLES: u32 = 4;

/// The pipelines, in the order they are drawn.
pub(super) struct Pipelines {
    pub(super) backdrop: RenderPipeline,
    pub(super) surface: Pair,
    pub(super) edge: Pair,
    pub(super) glass: Pair,
    pub(super) outline: RenderPipeline,
}

/// The same for parts that stand in one place, whose vertices tell whose they are, and for
/// those of which there are copies, which tell it. Shaders and programs are the same.
pub(super) struct Pair {
    pub(super) single: RenderPipeline,
    pub(super) copies: RenderPipeline,
}

impl Pair {
    /// Each, and whether it is the one for copies.
    pub(super) fn both(&self) -> [(&RenderPipeline, bool); 2] {
        [(&self.single, false), (&self.copies, true)]
    }
}

const fn attribute(format: VertexFormat, location: u32, offset: u64) -> [VertexAttribute; 1] {
    [VertexAttribute { format, offset, shader_location: location }]
}

const fn buffer(stride: u64, attributes: &[VertexAttribute]) -> VertexBufferLayout<'_> {
    VertexBufferLayout { array_stride: stride, step_mode: VertexStepMode::Vertex, attributes }
}

/// Where copies stand, and whose they are where `feature` is told by them.
const fn copies(attributes: &[VertexAttribute]) -> VertexBufferLayout<'_> {
    VertexBufferLayout {
        array_stride: COPY_BYTES as u64,
        step_mode: VertexStepMode::Instance,
        attributes,
    }
}

impl Pipelines {
    pub(super) fn new(
        device: &Device,
        layouts: [&BindGroupLayout; 2],
        format: TextureFormat,
    ) -> Self {
        let module = device.create_shader_module(ShaderModuleDescriptor {
            label: Some("scene"),
            source: ShaderSource::Wgsl(include_str!("scene.wgsl").into()),
        });
        let make = Make { device, module, layouts, format };
        let position = attribute(VertexFormat::Unorm16x4, 0, 0);
        let normal = attribute(VertexFormat::Snorm8x4, 1, 0);
        let color = attribute(VertexFormat::Unorm16x4, 2, 0);
        let feature = attribute(VertexFormat::Uint16x2, 3, 0);
        let placed = [
            VertexAttribute { format: VertexFormat::Float32x3, offset: 0, shader_location: 4 },
            VertexAttribute { format: VertexFormat::Float32x4, offset: 12, shader_location: 5 },
            VertexAttribute { format: VertexFormat::Uint16x2, offset: 28, shader_location: 3 },
        ];
        let (of_copy, in_place) = (copies(&placed), copies(&placed[..2]));
        let [position, normal, color, feature] =
            [buffer(8, &position), buffer(4, &normal), buffer(8, &color), buffer(4, &feature)];
        let surface = [position.clone(), normal, color];
        let edge = [position];
        let ends = [
            VertexAttribute { format: VertexFormat::Float32x4, offset: 0, shader_location: 0 },
            VertexAttribute { format: VertexFormat::Float32x4, offset: 16, shader_location: 1 },
        ];
        let nearer = (CompareFunction::GreaterEqual, true);
        let behind_only = (CompareFunction::GreaterEqual, false);
        let always = (CompareFunction::Always, false);
        let (triangles, lines) = (PrimitiveTopology::TriangleList, PrimitiveTopology::LineList);
        let pair = |name: &str, streams: &[VertexBufferLayout<'_>], topology, depth, blend| {
            let with = |more: &[VertexBufferLayout<'_>]| {
                make.pipeline(name, &[streams, more].concat(), topology, depth, blend)
            };
            let single = with(&[in_place.clone(), feature.clone()]);
            Pair { single, copies: with(std::slice::from_ref(&of_copy)) }
        };
        Self {
            backdrop: make.pipeline("backdrop", &[], triangles, always, false),
            surface: pair("surface", &surface, triangles, nearer, false),
            edge: pair("edge", &edge, lines, behind_only, true),
            glass: pair("glass", &surface, triangles, behind_only, true),
            outline: make.pipeline("outline", &[buffer(32, &ends)], triangles, always, true),
        }
    }
}

struct Make<'a> {
    device: &'a Device,
    module: ShaderModule,
    layouts: [&'a BindGroupLayout; 2],
    format: TextureFormat,
}

impl Make<'_> {
    fn pipeline(
        &self,
        name: &str,
        buffers: &[VertexBufferLayout<'_>],
        topology: PrimitiveTopology,
        (depth_compare, depth_write): (CompareFunction, bool),
        blend: bool,
    ) -> RenderPipeline {
        let layouts = self.layouts.map(Some);
        let layout = self.device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &layouts,
            immediate_size: 0,
        });
        // Glass is shaped by the same vertices as any surface, a line by its own.
        let (vertex, fragment) = match name {
            "glass" => ("surface_vertex", "glass_fragment"),
            "outline" => ("outline_vertex", "edge_fragment"),
            "edge" => ("edge_vertex", "edge_fragment"),
            "backdrop" => ("backdrop_vertex", "backdrop_fragment"),
            _ => ("surface_vertex", "surface_fragment"),
        };
        self.device.create_render_pipeline(&RenderPipelineDescriptor {
            label: Some(name),
            layout: Some(&layout),
            vertex: VertexState {
                module: &self.module,
                entry_point: Some(vertex),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers,
            },
            primitive: PrimitiveState { topology, ..PrimitiveState::default() },
            depth_stencil: Some(DepthStencilState {
                format: DEPTH_FORMAT,
                depth_write_enabled: Some(depth_write),
                depth_compare: Some(depth_compare),
                stencil: wgpu::StencilState::default(),
                bias: wgpu::DepthBiasState::default(),
            }),
            multisample: MultisampleState { count: SAMPLES, ..MultisampleState::default() },
            fragment: Some(FragmentState {
                module: &self.module,
                entry_point: Some(fragment),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(ColorTargetState {
                    format: self.format,
                    blend: blend.then_some(BlendState::ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}
