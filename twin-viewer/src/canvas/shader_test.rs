//! The shader is checked without a GPU: as WGSL, and as the GLSL that WebGL 2 gets.

use naga::{
    ShaderStage,
    back::glsl,
    proc::BoundsCheckPolicies,
    valid::{Capabilities, ValidationFlags, Validator},
};

#[test]
fn every_stage_becomes_glsl_for_webgl_2() {
    let source = include_str!("render/scene.wgsl");
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let options = glsl::Options {
        version: glsl::Version::Embedded { version: 300, is_webgl: true },
        ..glsl::Options::default()
    };
    let stages: Vec<(String, ShaderStage)> =
        module.entry_points.iter().map(|entry| (entry.name.clone(), entry.stage)).collect();
    assert_eq!(stages.len(), 8);
    for (entry_point, shader_stage) in stages {
        let pipeline = glsl::PipelineOptions { shader_stage, entry_point, multiview: None };
        let mut text = String::new();
        let policies = BoundsCheckPolicies::default();
        glsl::Writer::new(&mut text, &module, &info, &options, &pipeline, policies)
            .and_then(|mut writer| writer.write())
            .unwrap_or_else(|error| panic!("{}: {error}", pipeline.entry_point));
        assert!(text.starts_with("#version 300 es"));
    }
}
