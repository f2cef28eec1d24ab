//! What every panel shares: the store, and signals for what changes on the page.

use std::{collections::HashSet, sync::Arc};

use leptos::prelude::*;
use twin_model::{BoundingBox, EntityId, EntityKind, Quality};

use super::{
    connection::Connection,
    telemetry::{Outage, SceneProblem},
};
use crate::{
    bridge::{self, CameraPose, ViewCommand},
    layers::{Engine, Layer},
    net::ApiError,
    store::{AttentionList, EntityIx, Line, Point, RoomClock, Store, Totals},
    text::{self, Lang},
};

/// The way to the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinkState {
    /// The first connection is under way.
    Connecting,
    /// Connected and current.
    Live,
    /// Connected again; the store is not current yet.
    Syncing,
    /// Lost; the next try comes at this time by the browser's clock.
    Lost { retry_at_ms: f64, since_ms: i64, reason: String },
}

/// The scene's index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SceneState {
    Loading,
    Loaded,
    /// Could not be had; tried again by itself.
    Failed(ApiError),
}

/// The 3D canvas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CanvasState {
    Starting,
    Loading {
        loaded: u32,
        wanted: u32,
    },
    Ready,
    /// 3D cannot be drawn; the reason as the browser gives it.
    Failed(String),
}

/// Something said once, in the language of whoever reads it.
pub(crate) type Toast = Arc<dyn Fn(Lang) -> String + Send + Sync>;

/// The attention list as shown: its first lines and how many there are by severity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AttentionView {
    pub(crate) lines: Vec<Line>,
    /// Lines beyond those.
    pub(crate) more: usize,
    pub(crate) counts: [usize; 3],
}

/// Shared by every panel; copies share the same state.
#[derive(Clone, Copy)]
pub(crate) struct Ctx {
    pub(crate) store: StoredValue<Store, LocalStorage>,
    pub(crate) engine: StoredValue<Engine, LocalStorage>,
    pub(crate) attention_list: StoredValue<AttentionList, LocalStorage>,
    pub(crate) connection: StoredValue<Connection, LocalStorage>,
    /// Rises a few times a second while values change.
    pub(crate) pulse: RwSignal<u64>,
    /// Rises when points or entities come or go.
    pub(crate) structure: RwSignal<u64>,
    /// Time shown, ms: the server's, or the replay's; once a second.
    pub(crate) clock: RwSignal<i64>,
    pub(crate) link: RwSignal<LinkState>,
    /// The room this page is in; absent: the present.
    pub(crate) room: RwSignal<Option<String>>,
    /// The clock of the replay that is shown; absent in the present.
    pub(crate) replay: RwSignal<Option<RoomClock>>,
    /// Set while nothing comes from the broker.
    pub(crate) telemetry: RwSignal<Option<Outage>>,
    pub(crate) scene: RwSignal<SceneState>,
    /// Set while the server cannot show its model, or not all of it.
    pub(crate) scene_problem: RwSignal<Option<SceneProblem>>,
    pub(crate) canvas: RwSignal<CanvasState>,
    /// Tiles in place of those wanted, once there is something to see and more comes.
    pub(crate) streaming: RwSignal<Option<(u32, u32)>>,
    /// Tiles that could not be loaded, and why the last could not.
    pub(crate) tile_failures: RwSignal<Option<(u32, String)>>,
    pub(crate) totals: RwSignal<Totals>,
    pub(crate) attention: RwSignal<AttentionView>,
    pub(crate) lang: RwSignal<Lang>,
    pub(crate) layer: RwSignal<Layer>,
    pub(crate) selected: RwSignal<Option<EntityId>>,
    pub(crate) storey: RwSignal<Option<EntityId>>,
    pub(crate) building: RwSignal<Option<EntityIx>>,
    pub(crate) hover: RwSignal<Option<(EntityId, [f32; 2])>>,
    pub(crate) expanded: RwSignal<HashSet<EntityIx>>,
    pub(crate) query: RwSignal<String>,
    pub(crate) help: RwSignal<bool>,
    /// Which pane a narrow screen shows.
    pub(crate) pane: RwSignal<&'static str>,
    pub(crate) toast: RwSignal<Option<Toast>>,
    pub(crate) camera: StoredValue<Option<CameraPose>>,
    /// Where to fly once there is something to see.
    pub(crate) fly_when_ready: StoredValue<Option<EntityId>>,
    /// Box of a selected entity that the index does not hold, from its details.
    pub(crate) detail_box: StoredValue<Option<(EntityId, BoundingBox)>>,
}

impl Ctx {
    pub(crate) fn new(lang: Lang) -> Self {
        Self {
            store: StoredValue::new_local(Store::default()),
            engine: StoredValue::new_local(Engine::default()),
            attention_list: StoredValue::new_local(AttentionList::default()),
            connection: StoredValue::new_local(Connection::default()),
            pulse: RwSignal::new(0),
            structure: RwSignal::new(0),
            clock: RwSignal::new(js_sys::Date::now() as i64),
            link: RwSignal::new(LinkState::Connecting),
            room: RwSignal::new(None),
            replay: RwSignal::new(None),
            telemetry: RwSignal::new(None),
            scene: RwSignal::new(SceneState::Loading),
            scene_problem: RwSignal::new(None),
            canvas: RwSignal::new(CanvasState::Starting),
            streaming: RwSignal::new(None),
            tile_failures: RwSignal::new(None),
            totals: RwSignal::new(Totals::default()),
            attention: RwSignal::new(AttentionView::default()),
            lang: RwSignal::new(lang),
            layer: RwSignal::new(Layer::None),
            selected: RwSignal::new(None),
            storey: RwSignal::new(None),
            building: RwSignal::new(None),
            hover: RwSignal::new(None),
            expanded: RwSignal::new(HashSet::new()),
            query: RwSignal::new(String::new()),
            help: RwSignal::new(false),
            pane: RwSignal::new("scene"),
            toast: RwSignal::new(None),
            camera: StoredValue::new(None),
            fly_when_ready: StoredValue::new(None),
            detail_box: StoredValue::new(None),
        }
    }

    /// Words for a key in the page's language.
    pub(crate) fn t(self, key: &'static str) -> &'static str {
        self.lang.get().t(key)
    }

    /// Words for a key with blanks filled in.
    pub(crate) fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        self.lang.get().fill(key, values)
    }

    /// Reads the store.
    pub(crate) fn read<T>(self, read: impl FnOnce(&Store) -> T) -> T {
        self.store.with_value(read)
    }

    /// Whether values are arriving.
    pub(crate) fn is_live(self) -> bool {
        self.link.with(|link| matches!(link, LinkState::Live))
    }

    /// Whether a connection is in use.
    pub(crate) fn is_connected(self) -> bool {
        self.link.with_untracked(|link| !matches!(link, LinkState::Lost { .. }))
    }

    /// Asks the canvas for something, unless there is none.
    pub(crate) fn command(self, command: ViewCommand) {
        if !self.canvas.with_untracked(|canvas| matches!(canvas, CanvasState::Failed(_))) {
            bridge::command(command);
        }
    }

    /// Notes how far the canvas is; a failed one stays so.
    pub(crate) fn set_canvas(self, state: CanvasState) {
        let unchanged = self
            .canvas
            .with_untracked(|canvas| *canvas == state || matches!(canvas, CanvasState::Failed(_)));
        if !unchanged {
            self.canvas.set(state);
        }
    }

    /// Selects an entity and shows where it stands in tree and storeys.
    pub(crate) fn select(self, id: Option<EntityId>) {
        if let Some(at) = id.as_ref().and_then(|id| self.read(|s| s.scene.find(id.as_str()))) {
            let (above, building) = self.read(|store| {
                let above: Vec<EntityIx> = store.scene.ancestors(at).skip(1).collect();
                (above, store.scene.enclosing(at, EntityKind::Building))
            });
            self.expanded.update(|expanded| expanded.extend(above));
            if building.is_some() {
                self.building.set(building);
            }
        }
        self.selected.set(id);
    }

    /// Selects an entity and moves the camera there.
    pub(crate) fn go_to(self, id: &EntityId) {
        self.select(Some(id.clone()));
        self.fly_to(id);
    }

    /// Moves the camera so that the entity fills the view.
    pub(crate) fn fly_to(self, id: &EntityId) {
        if let Some(bbox) = self.box_of(id) {
            self.command(ViewCommand::FlyTo(with_surroundings(bbox)));
            self.pane.set("scene");
        }
    }

    /// The box around an entity; that of its surroundings where it has none.
    pub(crate) fn box_of(self, id: &EntityId) -> Option<BoundingBox> {
        let indexed = self.read(|store| {
            let at = store.scene.find(id.as_str())?;
            store.scene.ancestors(at).find_map(|at| store.scene.extent(at))
        });
        indexed.or_else(|| {
            self.detail_box.with_value(|found| {
                found.as_ref().filter(|(of, _)| of == id).map(|(_, bbox)| *bbox)
            })
        })
    }

    /// The name to show for an entity.
    pub(crate) fn title(self, id: &str) -> String {
        self.read(|store| match store.scene.find(id) {
            Some(at) => text::title(self.lang.get(), store.scene.at(at)),
            None => id.to_owned(),
        })
    }

    /// What an entity is, where the index holds it.
    pub(crate) fn kind(self, id: &str) -> Option<EntityKind> {
        self.structure.track();
        self.read(|store| Some(store.scene.at(store.scene.find(id)?).kind))
    }

    /// Where an entity stands, in words from the outside in: `T1 › 03F`.
    pub(crate) fn place(self, id: &str) -> String {
        self.read(|store| {
            let Some(at) = store.scene.find(id) else { return String::new() };
            let mut names: Vec<String> = store
                .scene
                .ancestors(at)
                .skip(1)
                .filter(|&at| {
                    let kind = store.scene.at(at).kind;
                    matches!(kind, EntityKind::Building | EntityKind::Storey | EntityKind::Space)
                })
                .map(|at| {
                    let entry = store.scene.at(at);
                    if entry.name.is_empty() {
                        text::title(self.lang.get(), entry)
                    } else {
                        entry.name.clone()
                    }
                })
                .collect();
            names.reverse();
            names.join(" › ")
        })
    }

    /// Says something once, above the picture.
    pub(crate) fn say(self, words: impl Fn(Lang) -> String + Send + Sync + 'static) {
        self.toast.set(Some(Arc::new(words)));
    }

    /// A point's value with its unit.
    pub(crate) fn value_text(self, point: &Point) -> Option<(String, String)> {
        let lang = self.lang.get();
        let reading = point.reading.as_ref()?;
        let value =
            self.read(|store| text::value(lang, &store.states, &point.metric, &reading.value));
        Some((value, text::unit(lang, &point.unit)))
    }

    /// What the page says of a point's quality: that of the value, unless the connection
    /// is lost, when nothing is known to be current.
    pub(crate) fn quality(self, point: &Point) -> &'static str {
        let live = self.is_live();
        match point.quality() {
            None => "none",
            Some(Quality::Bad) => "bad",
            Some(Quality::Stale) => "stale",
            Some(_) if !live => "stale",
            Some(Quality::Uncertain) => "uncertain",
            Some(Quality::Good) => "good",
        }
    }
}

/// A sensor alone fills the view with nothing to tell where it is.
fn with_surroundings(bbox: BoundingBox) -> BoundingBox {
    const LEAST_M: f64 = 8.0;
    let size = bbox.size().into_iter().fold(0.0, f64::max);
    let grow = ((LEAST_M - size) / 2.0).max(0.0);
    BoundingBox { min: bbox.min.map(|m| m - grow), max: bbox.max.map(|m| m + grow) }
}

/// Words for a quality named by [`Ctx::quality`].
pub(crate) fn quality_key(quality: &str) -> &'static str {
    match quality {
        "good" => "quality.good",
        "uncertain" => "quality.uncertain",
        "stale" => "quality.stale",
        "bad" => "quality.bad",
        _ => "quality.none",
    }
}
