use glam::{DVec3, DVec4};

use super::*;
use crate::canvas::tiles::{
    sample::{SamplePart, glb},
    tileset::{Bounds, Tile},
};

fn tile() -> Vec<u8> {
    let part = SamplePart {
        material: "opaque",
        positions: vec![[0, 0, 0], [9, 0, 0], [9, 9, 0]],
        indices: vec![0, 1, 2],
        features: vec![0, 0, 0],
        copies: Vec::new(),
    };
    glb(&[part], &["wall"], &[""], 1.0)
}

fn weight_of_one() -> usize {
    glb::decode(&tile()).unwrap().weight()
}

/// Ten tiles in a row, each seen only by an eye beside it.
fn row() -> Tileset {
    let weight = weight_of_one();
    let place =
        |x: f64| Bounds { min: DVec3::new(x, 0.0, 0.0), max: DVec3::new(x + 9.0, 9.0, 9.0) };
    let leaf = |at: usize| Tile {
        content: Some(format!("{at}.glb")),
        bytes: Some(weight as u64 / 2),
        ..Tile::empty(place(at as f64 * 100.0))
    };
    let bounds = Bounds { min: DVec3::ZERO, max: DVec3::new(1_100.0, 9.0, 9.0) };
    let children = (1..=10).collect();
    let root = Tile { geometric_error: 100.0, children, ..Tile::empty(bounds) };
    Tileset { tiles: std::iter::once(root).chain((1..=10).map(leaf)).collect() }
}

fn eye(from: f64, to: f64) -> Eye {
    let any = DVec4::W;
    Eye {
        position: DVec3::new((from + to) / 2.0, -10.0, 0.0),
        planes: [DVec4::new(1.0, 0.0, 0.0, -from), DVec4::new(-1.0, 0.0, 0.0, to), any, any, any],
        pixels_per_radian: 1_000.0,
    }
}

fn load(stream: &mut Stream, state: &mut State, now_ms: f64) -> Vec<Change> {
    for (tile, _) in stream.fetches(now_ms) {
        stream.arrived(tile, Ok(super::tests::tile()), now_ms);
    }
    stream.work(state, now_ms, || true)
}

#[test]
fn loads_what_is_seen_and_lets_go_of_what_was_seen_longest_ago() {
    let size = weight_of_one();
    let (mut stream, mut state) = (Stream::new(row(), size * 3), State::new());
    for at in 1..=3 {
        stream.look(&eye(f64::from(at) * 100.0, f64::from(at) * 100.0 + 5.0));
        assert_eq!(load(&mut stream, &mut state, 0.0), [Change::Ready(at as usize)]);
    }
    assert_eq!(stream.bytes(), size * 3);
    assert!(!stream.progress().held_back);
    // The first is looked at again; the second makes room for the fourth.
    stream.look(&eye(100.0, 105.0));
    stream.look(&eye(400.0, 405.0));
    assert_eq!(stream.work(&mut state, 0.0, || true), [Change::Gone(2)]);
    assert_eq!(load(&mut stream, &mut state, 0.0), [Change::Ready(4)]);
    assert_eq!(stream.bytes(), size * 3);
    assert_eq!(state.slots_of(&"wall".into()).count(), 3);
}

#[test]
fn never_holds_more_than_the_budget_and_says_what_it_leaves_out() {
    let size = weight_of_one();
    let (mut stream, mut state) = (Stream::new(row(), size * 4 - 1), State::new());
    for step in 0..40 {
        let from = f64::from(step % 13) * 70.0;
        stream.look(&eye(from, from + 500.0));
        load(&mut stream, &mut state, 0.0);
        assert!(stream.bytes() + stream.under_way() <= stream.budget(), "step {step}");
    }
    stream.look(&eye(0.0, 2_000.0));
    load(&mut stream, &mut state, 0.0);
    assert!(stream.progress().held_back);
    stream.arrange();
    assert_eq!(stream.shown().count(), 3, "as many as fit");
    assert_eq!(stream.progress().wanted, 3);
}

#[test]
fn a_shell_gives_way_when_all_is_there_or_cannot_be_had() {
    let mut tileset = row();
    tileset.tiles.truncate(3);
    tileset.tiles[0] = Tile {
        content: Some("shell.glb".to_owned()),
        replaces: true,
        children: vec![1, 2],
        ..tileset.tiles[0].clone()
    };
    let (mut stream, mut state) = (Stream::new(tileset, usize::MAX), State::new());
    stream.look(&eye(0.0, 2_000.0));
    let mut shown = |stream: &mut Stream, arrived: usize, bytes: Result<Vec<u8>, String>| {
        stream.arrived(arrived, bytes, 0.0);
        stream.work(&mut state, 0.0, || true);
        stream.arrange();
        stream.shown().map(|(tile, _)| tile).collect::<Vec<_>>()
    };
    assert_eq!(stream.fetches(0.0)[0].0, 0, "the shell comes first");
    assert_eq!(shown(&mut stream, 0, Ok(tile())), [0]);
    assert_eq!(shown(&mut stream, 1, Ok(tile())), [0], "not by halves");
    let mut last = Vec::new();
    for _ in 0..FAILED_AFTER {
        last = shown(&mut stream, 2, Err("HTTP 404".to_owned()));
        stream.fetches(f64::MAX);
    }
    assert_eq!(last, [1], "what cannot be had is not waited for");
}

#[test]
fn asks_for_a_few_at_a_time_and_again_after_a_failure() {
    let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
    stream.look(&eye(0.0, 2_000.0));
    let first = stream.fetches(0.0);
    assert_eq!(first.len(), MAX_FETCHES);
    assert!(stream.fetches(0.0).is_empty());
    for round in 0..FAILED_AFTER {
        let now = f64::from(round) * MAX_RETRY_MS;
        if round > 0 {
            assert!(stream.fetches(now).iter().any(|(tile, _)| *tile == first[0].0));
        }
        stream.arrived(first[0].0, Err("HTTP 500".to_owned()), now);
    }
    assert_eq!(stream.progress().failed, Some((1, "HTTP 500".to_owned())));
    let later = stream.retry_at_ms().unwrap();
    assert!(later > MAX_RETRY_MS * f64::from(FAILED_AFTER - 1));
    for (tile, _) in stream.fetches(later) {
        stream.arrived(tile, Ok(super::tests::tile()), later);
    }
    stream.work(&mut state, later, || true);
    assert_eq!(stream.progress().failed, None, "it came after all");
}

#[test]
fn a_broken_tile_is_a_failure_with_its_reason_and_stops_no_other() {
    let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
    stream.look(&eye(100.0, 205.0));
    for (tile, _) in stream.fetches(0.0) {
        let bytes = if tile == 1 { b"<html>".to_vec() } else { super::tests::tile() };
        stream.arrived(tile, Ok(bytes), 0.0);
    }
    assert_eq!(stream.work(&mut state, 0.0, || true), [Change::Ready(2)]);
    assert!(stream.retry_at_ms().is_some() && !stream.busy());
}

#[test]
fn decoding_stops_when_the_frame_is_over() {
    let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
    stream.look(&eye(0.0, 2_000.0));
    for (tile, _) in stream.fetches(0.0) {
        stream.arrived(tile, Ok(super::tests::tile()), 0.0);
    }
    let mut steps = 3;
    let ready = stream.work(&mut state, 0.0, || {
        steps -= 1;
        steps >= 0
    });
    assert_eq!(ready.len(), 1, "two steps make a tile, the third starts the next");
    assert!(stream.busy());
}
