//! What the 3D part spends on the main thread, one JSON line a case, percentiles over many
//! rounds: `cargo bench -p twin-viewer --no-default-features --features tiles --bench canvas`.
//!
//! - `paint`: 10,000 entities given a new colour, among 62,500 that are loaded
//! - `repaint`: every loaded entity given a new colour
//! - `pick`: the nearest of 125,000 triangles along a ray, hierarchies built
//! - `first_pick`: the same, hierarchies built on the way

use std::{hint::black_box, io::Write, time::Instant};

use glam::DVec3;
use twin_model::EntityId;
use twin_viewer::{
    bridge::{Paint, Pattern},
    canvas::{
        state::{Place, State},
        tiles::{
            pick::{Picker, WorldRay},
            sample,
        },
    },
};

/// Squares along each side of the sample: 62,500 features, 125,000 triangles.
const SIDE: u16 = 250;
const POINTS: usize = 10_000;

fn main() -> std::io::Result<()> {
    let content = sample::sheet(SIDE, 25);
    let names: Vec<EntityId> = (0..content.features)
        .map(|feature| EntityId::from(content.entity.get(&content.bin, feature)))
        .collect();
    let mut state = State::new();
    let base = state.allocate(content.features).unwrap_or_default();
    for (feature, name) in names.iter().enumerate() {
        let storey = content.storey.get(&content.bin, feature);
        state.register(base + feature, name.as_str(), storey, Place::Indoors);
    }
    let paint = |round: usize, entity: usize| Paint {
        color: Some([round as u8, entity as u8, 7]),
        pattern: Pattern::None,
        pulse: false,
    };
    measure("paint", 200, |round| {
        for point in 0..POINTS {
            // Far apart, as points are: no two beside each other in memory.
            let entity = point * 6_007 % names.len();
            state.paint(&names[entity], paint(round, entity));
        }
        state.take_dirty(|_, bytes| {
            black_box(bytes.len());
        });
    })?;
    measure("repaint", 60, |round| {
        for (entity, name) in names.iter().enumerate() {
            state.paint(name, paint(round + 1, entity));
        }
        state.take_dirty(|_, bytes| {
            black_box(bytes.len());
        });
    })?;
    let ray = |round: usize| WorldRay {
        origin: DVec3::new((round * 37 % 500) as f64, 60.0, 120.0),
        direction: DVec3::new(0.15, -0.9, -0.2).normalize(),
    };
    measure("first_pick", 40, |round| {
        let mut picker = Picker::new(&content);
        black_box(picker.cast(&content, &ray(round), 1e6, |_, _| true));
    })?;
    let mut picker = Picker::new(&content);
    for round in 0..500 {
        picker.cast(&content, &ray(round), 1e6, |_, _| true);
    }
    measure("pick", 2_000, |round| {
        black_box(picker.cast(&content, &ray(round), 1e6, |_, _| true));
    })
}

fn measure(case: &str, rounds: usize, mut act: impl FnMut(usize)) -> std::io::Result<()> {
    let mut micros: Vec<f64> = (0..rounds)
        .map(|round| {
            let start = Instant::now();
            act(round);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((rounds - 1) as f64 * share) as usize];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        r#"{{"bench":"canvas/{case}","unit":"us","p50":{:.1},"p95":{:.1},"max":{:.1},"rounds":{rounds}}}"#,
        at(0.5),
        at(0.95),
        at(1.0)
    )
}
