//! What the viewer's main thread spends on values: decoding a frame of updates, putting it
//! into the store, and turning it into paint. Percentiles over many rounds, as one JSON
//! line a case: `cargo bench -p twin-viewer --no-default-features`.

use std::{hint::black_box, io::Write, time::Instant};

use twin_model::EntityKind;
use twin_protocol::{
    Hello, PointDef, PointUpdate, ServerMessage, Snapshot, Update, WireQuality, WireValue,
};
use twin_viewer::{
    layers::{Engine, Layer},
    store::{AttentionList, Entry, IndexFile, SceneIndex, Store, Totals},
};

const POINTS: u32 = 10_000;
const STOREYS: u32 = 250;
const ROUNDS: u32 = 400;

fn entry(id: String, parent: Option<u32>, kind: EntityKind) -> Entry {
    let (name, id) = (id.clone(), id.as_str().into());
    Entry {
        id,
        parent,
        kind,
        name,
        long_name: None,
        storey: None,
        bbox: None,
        area_m2: None,
        elevation_m: None,
    }
}

/// Ten buildings of 25 storeys; meters, rooms with sensors and doors.
fn scene() -> IndexFile {
    let mut entities = Vec::new();
    for building in 0..10 {
        entities.push(entry(format!("b{building}"), None, EntityKind::Building));
    }
    for storey in 0..STOREYS {
        entities.push(entry(format!("s{storey}"), Some(storey / 25), EntityKind::Storey));
    }
    for thing in 0..POINTS {
        let storey = 10 + thing % STOREYS;
        let kind = [EntityKind::Meter, EntityKind::Sensor, EntityKind::Space, EntityKind::Door]
            [thing as usize / STOREYS as usize % 4];
        entities.push(entry(format!("e{thing}"), Some(storey), kind));
    }
    IndexFile { revision: "r".into(), entities }
}

fn metric(point: u32) -> &'static str {
    ["power", "temperature", "density", "door"][point as usize / STOREYS as usize % 4]
}

fn value(point: u32, round: u32) -> WireValue {
    let wave = f64::from((point * 7 + round * 13) % 100) / 10.0;
    match metric(point) {
        "door" => WireValue::Text(["open", "closed"][((point + round) % 2) as usize].into()),
        "temperature" => WireValue::F64(18.0 + wave),
        _ => WireValue::F64(wave),
    }
}

fn updates(points: impl Iterator<Item = u32>, round: u32) -> Vec<PointUpdate> {
    let update = |point| PointUpdate {
        point,
        value: value(point, round),
        source_offset_ms: 0,
        receive_offset_ms: 1,
        quality: WireQuality::Good,
    };
    points.map(update).collect()
}

fn filled() -> Store {
    let mut store = Store::default();
    store.set_scene(SceneIndex::new(scene()));
    let hello = Hello { epoch: "e".into(), scene: "r".into(), server_time_ms: 0 };
    let define = |point| PointDef {
        point,
        entity: format!("e{point}"),
        metric: metric(point).into(),
        unit: String::new(),
        stale_after_ms: 90_000,
    };
    let snapshot = Snapshot {
        seq: 1,
        part: 0,
        parts: 1,
        base_time_ms: 0,
        defined: (0..POINTS).map(define).collect(),
        points: updates(0..POINTS, 0),
    };
    for message in [ServerMessage::Hello(hello), ServerMessage::Snapshot(snapshot)] {
        store.apply(message, 0.0).expect("the bench's own messages fit");
    }
    store
}

/// Frames in which every n-th point changed.
fn run(layer: Layer, every: u32) -> (Vec<f64>, Vec<f64>) {
    let (mut store, mut engine) = (filled(), Engine::default());
    let mut attention = AttentionList::default();
    engine.set_layer(layer);
    let changed = store.points.take_changed();
    engine.update(&store, &changed);
    attention.update(&store, &changed);
    let (mut frames, mut texts) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let points = (0..POINTS).filter(|point| (point + round) % every == 0);
        let update = Update {
            seq: u64::from(round) + 1,
            base_time_ms: i64::from(round),
            defined: vec![],
            points: updates(points, round),
        };
        let frame = ServerMessage::Update(update).encode();
        let start = Instant::now();
        let message = ServerMessage::decode(&frame).expect("what was just encoded");
        store.apply(message, 0.0).expect("the bench's own messages fit");
        let changed = store.points.take_changed();
        black_box(engine.update(&store, &changed));
        black_box(attention.update(&store, &changed));
        frames.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        black_box(Totals::count(&store, &attention));
        texts.push(start.elapsed().as_secs_f64() * 1e3);
    }
    (frames, texts)
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part) as usize]
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (layer, every) in [
        (Layer::Energy, 1),
        (Layer::Energy, 10),
        (Layer::Temperature, 1),
        (Layer::Temperature, 10),
        (Layer::Density, 10),
    ] {
        let (mut frames, mut texts) = run(layer, every);
        writeln!(
            out,
            r#"{{"bench":"viewer_update","layer":"{}","points":{POINTS},"changed":{},"frame_ms":{{"p50":{:.3},"p95":{:.3},"max":{:.3}}},"totals_ms":{{"p95":{:.3}}}}}"#,
            layer.name(),
            POINTS / every,
            percentile(&mut frames, 0.5),
            percentile(&mut frames, 0.95),
            percentile(&mut frames, 1.0),
            percentile(&mut texts, 0.95),
        )?;
    }
    Ok(())
}
