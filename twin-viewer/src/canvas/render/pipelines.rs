//! The few pipelines that everything is drawn with. All are made at the start, so that
//! no frame ever waits for a shader.

use wgpu::{
    BindGroupLayout, BlendState, ColorTargetState, CompareFunction, DepthStencilState, Device,
    FragmentState, MultisampleState, PipelineLayoutDescriptor, PrimitiveState, PrimitiveTopology,
    RenderPipeline, RenderPipelineDescriptor, ShaderModule, ShaderModuleDescriptor, ShaderSource,
    TextureFormat, VertexAttribute, VertexBufferLayout, VertexFormat, VertexState, VertexStepMode,
};

/// Format of the depth buffer.
pub(super) const DEPTH_FORMAT: TextureFormat = TextureFormat::Depth32Float;
/// Samples a pixel.
pub(super) const SAMPLES: u32 = 4;

/// The pipelines, in the order they are drawn.
pub(super) struct Pipelines {
    pub(super) backdrop: RenderPipeline,
    pub(super) surface: RenderPipeline,
    pub(super) edge: RenderPipeline,
    pub(super) glass: RenderPipeline,
    pub(super) outline: RenderPipeline,
}

const fn attribute(format: VertexFormat, location: u32, offset: u64) -> [VertexAttribute; 1] {
    [VertexAttribute { format, offset, shader_location: location }]
}

const fn buffer(stride: u64, attributes: &[VertexAttribute]) -> VertexBufferLayout<'_> {
    VertexBufferLayout { array_stride: stride, step_mode: VertexStepMode::Vertex, attributes }
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
        let line_feature = attribute(VertexFormat::Uint16x2, 1, 0);
        let surface =
            [buffer(8, &position), buffer(4, &normal), buffer(8, &color), buffer(4, &feature)];
        let edge = [buffer(8, &position), buffer(4, &line_feature)];
        let ends = [
            VertexAttribute { format: VertexFormat::Float32x4, offset: 0, shader_location: 0 },
            VertexAttribute { format: VertexFormat::Float32x4, offset: 16, shader_location: 1 },
        ];
        let nearer = (CompareFunction::GreaterEqual, true);
        let behind_only = (CompareFunction::GreaterEqual, false);
        let always = (CompareFunction::Always, false);
        let triangles = PrimitiveTopology::TriangleList;
        Self {
            backdrop: make.pipeline("backdrop", &[], triangles, always, false),
            surface: make.pipeline("surface", &surface, triangles, nearer, false),
            edge: make.pipeline("edge", &edge, PrimitiveTopology::LineList, behind_only, true),
            glass: make.pipeline("glass", &surface, triangles, behind_only, true),
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
