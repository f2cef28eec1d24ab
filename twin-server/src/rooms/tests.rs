//! What a room shows, against what the history says for that moment.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use twin_model::{Quality, Sample, Value};
use twin_protocol::ClockAction;

use super::{
    player::Moved,
    step::{self, Found},
    *,
};
use crate::{
    history::{
        embedded::{EmbeddedStore, Tuning},
        memory::Memory,
        retention::Retention,
    },
    live,
    reading::Reading,
    scene::{LoadedScene, Properties, load},
};

fn scene() -> Arc<LoadedScene> {
    let dir = tempfile::tempdir().unwrap();
    let info = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
    std::fs::write(dir.path().join("scene.json"), info).unwrap();
    let entities = r#"{"id":"a","kind":"building","name":"A"}
{"id":"a1","parent":"a","kind":"storey","name":"1"}
{"id":"b","kind":"building","name":"B"}
"#;
    std::fs::write(dir.path().join("entities.ndjson"), entities).unwrap();
    Arc::new(load(dir.path(), Properties::OnDisk).unwrap())
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_000_000 + ms).unwrap()
}

fn sample(entity: &str, metric: &str, value: Value, ms: i64) -> Reading {
    Reading {
        entity: entity.into(),
        metric: metric.into(),
        unit: "".into(),
        stale_after: (metric == "x").then(|| Duration::from_secs(20)),
        sample: Sample { value, source_time: at(ms), receive_time: at(ms), quality: Quality::Good },
    }
}

fn number(entity: &str, value: f64, ms: i64) -> Reading {
    sample(entity, "x", Value::Number(value), ms)
}

fn door(entity: &str, state: &str, ms: i64) -> Reading {
    sample(entity, "door", Value::Text(state.into()), ms)
}

type Shown = BTreeMap<String, (Value, Timestamp, Quality)>;

fn shown(live: &Live) -> Shown {
    let points = live.run(None, 0..live.len() as u32).1;
    let entry = |latest: &live::Latest| {
        let (definition, sample) = (&latest.definition, &latest.sample);
        let key = format!("{}/{}", definition.entity, definition.metric);
        (key, (sample.value.clone(), sample.source_time, sample.quality))
    };
    points.iter().map(entry).collect()
}

async fn recorded(store: &dyn Store, moment: Timestamp) -> Shown {
    let state = store.state_at(moment).await.unwrap();
    let known = state.iter().filter(|past| past.point.key.entity.as_str() != "ghost");
    known
        .map(|past| {
            let sample = &past.sample;
            let entry = (sample.value.clone(), sample.source_time, sample.quality);
            (past.point.key.to_string(), entry)
        })
        .collect()
}

/// The embedded store, with chunks so small that there are some.
async fn embedded(readings: Vec<Reading>) -> (tempfile::TempDir, Arc<dyn Store>) {
    let dir = tempfile::tempdir().unwrap();
    let tuning = Tuning { chunk_samples: 8, tail_samples: 64, ..Tuning::default() };
    let store = EmbeddedStore::open(dir.path(), Retention::forever(), tuning).unwrap();
    for batch in readings.chunks(20) {
        store.append(batch.to_vec()).await.unwrap();
    }
    (dir, Arc::new(store))
}

async fn store(readings: Vec<Reading>) -> Arc<Memory> {
    let store = Arc::new(Memory::new(100_000));
    store.append(readings).await.unwrap();
    store
}

fn everything() -> Interest {
    Interest { scene: scene(), places: None }
}

fn rooms(store: Arc<Memory>, settings: Settings) -> Arc<Rooms> {
    let live = Arc::new(Live::new(scene(), live::Settings::default()));
    Rooms::new(live, Some(store), settings)
}

#[derive(Clone, Debug)]
enum Act {
    /// Shows a moment so far from the one shown, ms; to and fro.
    Advance(i64),
    Jump(i64),
    Prefetch(f32),
    /// A sample that comes now for a moment so far from the one shown, ms.
    Late(usize, f64, i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..40_000i64).prop_map(Act::Advance),
        2 => (-20_000..0i64).prop_map(Act::Advance),
        1 => (-5_000..120_000i64).prop_map(Act::Jump),
        2 => (0.5..600f32).prop_map(Act::Prefetch),
        1 => (0..3usize, -9.0..9.0, 60_000..90_000i64).prop_map(|(e, v, t)| Act::Late(e, v, t)),
    ]
}

fn reading_at() -> impl Strategy<Value = Reading> {
    let value = prop_oneof![
        (-9i32..9).prop_map(|v| ("x", Value::Number(v.into()))),
        any::<bool>().prop_map(|v| ("on", Value::Bool(v))),
        (0..3usize).prop_map(|s| ("door", Value::Text(["open", "closed", "forced"][s].into()))),
    ];
    (0..4usize, value, 0..100_000i64, 0..30_000i64).prop_map(
        |(entity, (metric, value), ms, delay)| {
            let mut reading = sample(["a", "a1", "b", "ghost"][entity], metric, value, ms);
            reading.sample.receive_time = at(ms + delay % 7_000);
            reading
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However it came there, a room shows at a moment what the history says for it.
    #[test]
    fn a_room_shows_what_was(
        readings in prop::collection::vec(reading_at(), 0..200),
        acts in prop::collection::vec(act(), 1..30),
        start in -1_000..100_000i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { shows_what_was(store(readings).await, acts, start).await })?;
    }

    /// Steps find the changes that a plain walk over all samples finds.
    #[test]
    fn steps_go_from_event_to_event(readings in prop::collection::vec(reading_at(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = store(readings).await;
            let (start, end) = (at(-1), at(200_000));
            let interest = everything();
            let mut forth = Vec::new();
            let mut moment = start;
            while let Found::Event(event) =
                step::next(&*store, &interest, moment, end).await.unwrap()
            {
                forth.push(event);
                moment = event;
            }
            prop_assert!(forth.is_sorted());
            let mut back = Vec::new();
            let mut moment = end + SignedDuration::from_nanos(1);
            while let Found::Event(event) =
                step::previous(&*store, &interest, moment, start).await.unwrap()
            {
                back.push(event);
                moment = event;
            }
            back.reverse();
            prop_assert_eq!(&forth, &back);
            // At each of them something is other than just before, and nowhere else.
            let (mut moment, mut expected) = (start, Vec::new());
            let mut before = events_of(&recorded(&*store, moment).await);
            let mut moments: Vec<Timestamp> = forth.clone();
            let page = store.page(start..end, None, 1000).await.unwrap();
            moments.extend(page.samples.iter().map(|past| crate::history::order_time(&past.sample)));
            moments.sort_unstable();
            moments.dedup();
            for next in moments {
                moment = next;
                let now = events_of(&recorded(&*store, moment).await);
                if now != before {
                    expected.push(moment);
                }
                before = now;
            }
            let _ = moment;
            for event in &expected {
                prop_assert!(forth.contains(event), "{} was missed", event);
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// From the embedded store as well, which keeps times to the millisecond.
    #[test]
    fn a_room_shows_what_was_from_disk(
        readings in prop::collection::vec(reading_at(), 0..200),
        acts in prop::collection::vec(act(), 1..30),
        start in -1_000..100_000i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (_dir, store) = embedded(readings).await;
            shows_what_was(store, acts, start).await
        })?;
    }
}

async fn shows_what_was(
    store: Arc<dyn Store>,
    acts: Vec<Act>,
    start: i64,
) -> Result<(), TestCaseError> {
    let mut player = Player::new(Arc::clone(&store), scene(), at(start)).await.unwrap();
    prop_assert_eq!(shown(player.live()), recorded(&*store, at(start)).await);
    for act in acts {
        let epoch = player.live().epoch().to_owned();
        let moved = match &act {
            Act::Advance(ms) => {
                let to = player.shown() + SignedDuration::from_millis(*ms);
                player.advance(to).await.unwrap()
            }
            Act::Jump(ms) => player.jump(at(*ms)).await.unwrap(),
            Act::Prefetch(speed) => {
                player.prefetch(*speed, at(100_000)).await.unwrap();
                tokio::task::yield_now().await;
                Moved::Along
            }
            Act::Late(entity, value, ms) => {
                let late = number(["a", "a1", "b"][*entity], *value, *ms);
                store.append(vec![late]).await.unwrap();
                // What is read ahead does not know of it until the room settles.
                player.settle_at(player.shown()).await.unwrap()
            }
        };
        prop_assert_eq!(moved == Moved::Anew, player.live().epoch() != epoch);
        let expected = recorded(&*store, player.shown()).await;
        prop_assert_eq!(shown(player.live()), expected, "after {:?}", act);
    }
    Ok(())
}

/// What can change in an event: states, and qualities of what is known.
fn events_of(shown: &Shown) -> BTreeMap<String, (Option<Value>, Option<Quality>)> {
    let entry = |(key, (value, _, quality)): (&String, &(Value, Timestamp, Quality))| {
        let state = !matches!(value, Value::Number(_));
        // A first number is no event, and neither is its quality; a stale one is one.
        let quality = (*quality != Quality::Good).then_some(*quality);
        (state || quality.is_some()).then(|| (key.clone(), (state.then(|| value.clone()), quality)))
    };
    shown.iter().filter_map(entry).collect()
}

#[tokio::test]
async fn plays_pauses_turns_and_ends() {
    let readings = (0..600).map(|i| number("a", f64::from(i), i64::from(i) * 1000)).collect();
    let rooms = rooms(store(readings).await, Settings::default());
    let room = rooms.create(Replay { speed: Some(600.0), ..Replay::default() }).await.unwrap();
    let mut place = room.enter("json").unwrap();
    let view = place.view();
    assert_eq!(view.clock.range, Some([at(0), at(599_000)]));
    assert!(view.clock.paused);
    assert_eq!(value(&view), Some(0.0));
    let stands = room.control(ClockAction::Seek(at(300_500).as_millisecond()), "").await.unwrap();
    assert_eq!(stands.time, at(300_500));
    let sought = place.view();
    assert_ne!(sought.channel.live().epoch(), view.channel.live().epoch(), "a jump is an epoch");
    assert_eq!(value(&sought), Some(300.0));

    // The clock of the room is the machine's, so this waits for it.
    room.control(ClockAction::Play, "").await.unwrap();
    let end = loop {
        place.changed().await;
        let view = place.view();
        if view.clock.paused {
            break view;
        }
    };
    assert_eq!((end.clock.time, &*end.clock.note), (at(599_000), "the recording ends here"));
    assert_eq!(value(&end), Some(599.0));
    let again = room.control(ClockAction::Play, "").await.unwrap();
    assert!(again.paused, "there is nothing more to play");

    room.control(ClockAction::Speed(-16.0), "").await.unwrap();
    room.control(ClockAction::Play, "").await.unwrap();
    let back = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let clock = room.control(ClockAction::Pause, "").await.unwrap();
        if clock.time < at(598_500) {
            break clock;
        }
        room.control(ClockAction::Play, "").await.unwrap();
    };
    let seconds = back.time.duration_since(at(0)).as_secs();
    assert_eq!(value(&place.view()), Some(seconds as f64), "latest at {}", back.time);
    assert!(matches!(
        room.control(ClockAction::Speed(0.0), "").await,
        Err(RoomError::Speed { .. })
    ));
}

fn value(view: &View) -> Option<f64> {
    let (value, ..) = shown(view.channel.live()).get("a/x")?.clone();
    value.as_f64()
}

#[tokio::test]
async fn silence_goes_by_the_rooms_clock() {
    let rooms = rooms(
        store(vec![number("a", 1.0, 0), door("a", "open", 60_000)]).await,
        Settings::default(),
    );
    let room = rooms.create(Replay::default()).await.unwrap();
    let quality = |room: &Room| shown(room.view().channel.live())["a/x"].2;
    assert_eq!(quality(&room), Quality::Good, "decades ago, but good then");
    for (ms, expected) in [(19_999, Quality::Good), (20_000, Quality::Stale), (1, Quality::Good)] {
        room.control(ClockAction::Seek(at(ms).as_millisecond()), "").await.unwrap();
        assert_eq!(quality(&room), expected, "{ms}");
    }
}

#[tokio::test]
async fn steps_stop_at_events_and_say_when_there_are_no_more() {
    let readings = vec![
        number("a", 1.0, 0),
        door("a1", "closed", 1_000),
        number("a", 2.0, 2_000),
        door("a1", "closed", 3_000),
        door("b", "open", 4_000),
        door("a1", "open", 5_000),
        number("a", 3.0, 40_000),
    ];
    let rooms = rooms(store(readings).await, Settings::default());
    let entities = Some(vec!["a".to_owned()]);
    let room = rooms.create(Replay { entities, ..Replay::default() }).await.unwrap();
    let mut stops = Vec::new();
    loop {
        let clock = room.control(ClockAction::StepForward, "").await.unwrap();
        assert!(clock.paused);
        if !clock.note.is_empty() {
            assert_eq!(clock.note, "no further event");
            break;
        }
        stops.push(clock.time.duration_since(at(0)).as_millis());
    }
    // The second sample of a/x falls silent, and then comes back; b is not of interest.
    assert_eq!(stops, [1_000, 5_000, 22_000, 40_000]);
    let back = room.control(ClockAction::StepBack, "").await.unwrap();
    assert_eq!(back.time, at(22_000));
}

#[tokio::test]
async fn several_rooms_show_several_moments() {
    let readings = (0..100).map(|i| number("a", f64::from(i), i64::from(i) * 1000)).collect();
    let rooms = rooms(store(readings).await, Settings::default());
    let mut made = Vec::new();
    for second in [10, 20, 30] {
        let replay = Replay { at: Some(at(second * 1000)), ..Replay::default() };
        made.push((second, rooms.create(replay).await.unwrap()));
    }
    for (second, room) in &made {
        assert_eq!(value(&room.view()), Some(*second as f64));
    }
    assert_eq!(rooms.list().len(), 4);
    assert!(rooms.get(LIVE).unwrap().view().has_samples);
}

#[tokio::test]
async fn rooms_are_bounded_and_end_when_empty() {
    let settings = Settings { max_rooms: 2, empty_after: Duration::ZERO };
    let rooms = rooms(store(vec![number("a", 1.0, 0), number("a", 2.0, 9)]).await, settings);
    let pinned = Replay { pinned: true, ..Replay::default() };
    let stays = rooms.create(pinned.clone()).await.unwrap();
    let room = rooms.create(pinned.clone()).await.unwrap();
    assert!(matches!(rooms.create(pinned).await, Err(RoomError::TooMany { max: 2 })));
    let mut place = room.enter("json").unwrap();
    room.pin(false);
    assert!(place.view().ended.is_none());
    drop(place);
    while rooms.get(room.id()).is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(room.enter("json").is_none(), "nobody gets in any more");
    assert_eq!(room.view().ended, Some("nobody was in it"));
    assert!(rooms.get(stays.id()).is_some());
    let mut place = stays.enter("json").unwrap();
    place.view();
    rooms.remove(stays.id(), "").unwrap();
    place.changed().await;
    assert_eq!(place.view().ended, Some("it was removed"));
    assert!(matches!(rooms.remove(stays.id(), ""), Err(RoomError::Unknown { .. })));
    assert!(matches!(rooms.remove(LIVE, ""), Err(RoomError::Live)));
}

#[tokio::test]
async fn a_locked_clock_takes_its_key() {
    let rooms =
        rooms(store(vec![number("a", 1.0, 0), number("a", 2.0, 9)]).await, Settings::default());
    let room = rooms.create(Replay { locked: true, ..Replay::default() }).await.unwrap();
    let key = room.key().unwrap().to_owned();
    assert_eq!(key.len(), 32);
    assert!(matches!(room.control(ClockAction::Play, "").await, Err(RoomError::Forbidden { .. })));
    assert!(matches!(rooms.remove(room.id(), "guess"), Err(RoomError::Forbidden { .. })));
    room.control(ClockAction::Seek(at(9).as_millisecond()), &key).await.unwrap();
    rooms.remove(room.id(), &key).unwrap();
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused() {
    let live = || Arc::new(Live::new(scene(), live::Settings::default()));
    let none = Rooms::new(live(), None, Settings::default());
    assert!(matches!(none.create(Replay::default()).await, Err(RoomError::NoHistory)));
    let rooms =
        rooms(store(vec![number("a", 1.0, 0), number("a", 2.0, 9_000)]).await, Settings::default());
    let before = Replay { to: Some(at(-5)), ..Replay::default() };
    let Err(RoomError::Range { reason }) = rooms.create(before).await else { panic!() };
    assert!(reason.contains(&at(9_000).to_string()), "{reason}");
    let ghost = Replay { entities: Some(vec!["ghost".into()]), ..Replay::default() };
    assert!(matches!(rooms.create(ghost).await, Err(RoomError::UnknownEntity { .. })));
    assert_eq!(rooms.list().len(), 1, "what failed takes no place");
    let empty = Rooms::new(live(), Some(Arc::new(Memory::new(9))), Settings::default());
    assert!(matches!(empty.create(Replay::default()).await, Err(RoomError::Range { .. })));
}
