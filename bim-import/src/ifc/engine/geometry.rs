//! Tessellates elements one at a time. Calls may never return (a wall with one
//! opening was seen to run for ten minutes): only the worker process calls this.

use std::sync::Arc;

use ifc_lite_core::{EntityDecoder, EntityIndex, EntityScanner, IfcType, RtcVerdict};
use ifc_lite_geometry::{
    BoolFailureReason, GeometryRouter, ItemDedupCache, RouterConfig, SharedBrepSignatureCache,
    SharedMappedItemCache, format_unsupported_breakdown,
};
use ifc_lite_processing::{
    MeshData,
    discovery::Discovery,
    element::{
        ElementJobKind, ElementMeshJob, MeshProductionContext, MeshProductionOptions,
        ProducedElementMeshes, produce_element_meshes,
    },
    execution::{JobSpan, RouterCaches, SchedulerPolicy, build_router, decode_job, job_type},
    prepass::{
        ResolveOptions, ResolvedPrepass, merge_indexed_colours, resolve_prepass,
        resolve_unit_scales,
    },
    scan::ScanClass,
    style::{default_color_for_type, element_material_fallback_color, resolve_element_color},
};
use rustc_hash::FxHashMap;

pub(crate) use super::alike::Group;
use super::{
    alike, bounds, fine,
    rewrite::{self, Detail},
    styles, thin,
};

/// Stack of every thread that tessellates: booleans and placement chains recurse deeply,
/// and an overflow ends the process. Address space only; untouched pages cost nothing.
pub(crate) const STACK_BYTES: usize = ifc_lite_processing::GEOMETRY_STACK_BYTES;

/// Gives the engine's own parallel parts as many threads, with deep stacks.
pub(crate) fn prepare_threads(threads: u32) {
    // Fails only where a pool exists already, which then serves.
    let _ = ifc_lite_processing::geometry_pool_builder()
        .num_threads(threads.max(1) as usize)
        .build_global();
}

/// One element to tessellate.
#[derive(Clone)]
pub(crate) struct Job {
    /// STEP instance name.
    pub(crate) id: u32,
    pub(super) class: IfcType,
    start: usize,
    end: usize,
}

/// A file scanned, with what the engine cannot draw written again behind it.
pub(crate) struct Prepared {
    /// The file, and after `written` bytes the records that replace some of its own.
    bytes: Vec<u8>,
    written: usize,
    index: Arc<EntityIndex>,
    discovery: Discovery,
    jobs: Vec<Job>,
    nested: Vec<u32>,
    copies: Vec<(u32, Vec<u32>)>,
    remarks: FxHashMap<u32, String>,
    unit_scale: f64,
    plane_angle: f64,
    detail: Detail,
}

impl Prepared {
    /// Scans a file.
    pub(crate) fn read(mut bytes: Vec<u8>, detail: Detail) -> Self {
        let Scanned { index, discovery, jobs, nested, candidates } = scan(&bytes);
        let mut index = Arc::new(index);
        let mut decoder = EntityDecoder::with_arc_index(&bytes, index.clone()).with_strict_reals();
        let units = resolve_unit_scales(&bytes, discovery.project_id, &mut decoder);
        drop(decoder);
        let (unit_scale, plane_angle) =
            (units.geometry_length_scale(), units.plane_angle_to_radians);
        let rewritten =
            rewrite::rewrite(&bytes, &index, &candidates, (unit_scale, plane_angle), detail);
        let written = bytes.len();
        if !rewritten.spans.is_empty() {
            // The index has one holder again: the decoders that shared it are gone.
            Arc::make_mut(&mut index).extend(rewritten.spans);
            bytes.reserve_exact(rewritten.text.len());
            bytes.extend_from_slice(rewritten.text.as_bytes());
        }
        let rewrite::Rewritten { copies, remarks, .. } = rewritten;
        Self {
            bytes,
            written,
            index,
            discovery,
            jobs,
            nested,
            copies,
            remarks,
            unit_scale,
            plane_angle,
            detail,
        }
    }
}

/// A file ready to be tessellated.
pub(crate) struct Engine<'a> {
    file: &'a Prepared,
    context: ResolvedPrepass,
    colors: FxHashMap<u32, [f32; 4]>,
    textures: FxHashMap<u32, ifc_lite_geometry::ResolvedTextureMap>,
    no_voids: FxHashMap<u32, Vec<u32>>,
    caches: (ItemDedupCache, SharedBrepSignatureCache, SharedMappedItemCache),
    anchor: (f64, f64, f64),
    unit_refused: bool,
}

/// What a thread keeps from element to element: memoised points and placements.
#[derive(Default)]
pub(crate) struct Memo {
    points: FxHashMap<u32, (f64, f64, f64)>,
    placements: FxHashMap<u32, [f64; 16]>,
}

/// Triangles of one colour, in the file's world frame (z up, m).
pub(crate) struct Part {
    /// What `positions` count from, m.
    pub(crate) origin: [f64; 3],
    /// x, y, z of each vertex, m from `origin`.
    pub(crate) positions: Vec<f32>,
    /// Unit normals, as many as positions.
    pub(crate) normals: Vec<f32>,
    /// Triangles.
    pub(crate) indices: Vec<u32>,
    /// sRGB, straight alpha, 0 to 1.
    pub(crate) color: [f32; 4],
}

/// What became of one element.
#[derive(Default)]
pub(crate) struct Tessellated {
    /// Its geometry; empty when there is none.
    pub(crate) parts: Vec<Part>,
    /// What the engine says it could not do as written.
    pub(crate) complaints: Vec<String>,
}

impl<'a> Engine<'a> {
    /// Resolves styles, materials and openings.
    pub(crate) fn open(file: &'a Prepared) -> Self {
        let bytes = &file.bytes[..file.written];
        let mut decoder =
            EntityDecoder::with_arc_index(&file.bytes, file.index.clone()).with_strict_reals();
        let spans = &file.discovery.prepass_spans;
        let mut context = resolve_prepass(spans, &mut decoder, ResolveOptions::default());
        merge_indexed_colours(&mut context.geometry_style_index, &context.indexed_colour_index);
        styles::inherit(&mut context.geometry_style_index, &file.nested, &mut decoder);
        styles::inherit_copies(&mut context.geometry_style_index, &file.copies);
        let colors =
            context.geometry_style_index.iter().map(|(&item, style)| (item, style.color)).collect();
        let unit_scale = file.unit_scale;
        decoder.seed_unit_scales(unit_scale, file.plane_angle);
        let router =
            GeometryRouter::from_config(RouterConfig { unit_scale, ..RouterConfig::default() });
        let anchor = match router.detect_rtc_offset_for_file(bytes, &mut decoder) {
            Some(RtcVerdict::Large { anchor }) if is_on_earth(anchor) => anchor,
            _ => (0.0, 0.0, 0.0),
        };
        let textures = ifc_lite_geometry::build_texture_index(bytes, &mut decoder);
        Self {
            file,
            context,
            colors,
            textures,
            no_voids: FxHashMap::default(),
            caches: (
                GeometryRouter::new_dedup_cache(),
                GeometryRouter::new_brep_signature_cache(),
                GeometryRouter::new_mapped_item_cache(),
            ),
            anchor,
            unit_refused: router.length_unit_refused(),
        }
    }

    /// Every element with a representation, in file order.
    pub(crate) fn jobs(&self) -> &[Job] {
        &self.file.jobs
    }

    /// The elements among these that are to be drawn, each with those that are drawn alike.
    pub(crate) fn groups(&self, jobs: &[&Job], threads: u32) -> Vec<Group> {
        alike::groups(self, jobs, threads)
    }

    /// The text of a record as it counts: the file's own, or what was written in its place.
    pub(super) fn record(&self, id: u32) -> Option<&'a [u8]> {
        let &(start, end) = self.file.index.get(&id)?;
        self.file.bytes.get(start..end)
    }

    /// The text of an element: where a name is used twice, its own.
    pub(super) fn record_of(&self, job: &Job) -> Option<&'a [u8]> {
        self.file.bytes.get(job.start..job.end)
    }

    /// The file's length unit, m.
    pub(super) fn metres(&self) -> f64 {
        self.file.unit_scale
    }

    /// What is cut out of an element.
    pub(super) fn openings(&self, id: u32) -> &[u32] {
        self.context.void_index.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The colour that an element itself is styled with, and those of its materials.
    pub(super) fn colors_of(&self, id: u32) -> (Option<[f32; 4]>, &[[f32; 4]]) {
        let materials = self.context.element_material_colors.get(&id);
        (self.colors.get(&id).copied(), materials.map(Vec::as_slice).unwrap_or_default())
    }

    /// Appends what is known of the look of a record that does not stand in it: a style of
    /// its own. Where that is more than a colour, the record is like no other.
    pub(super) fn write_look(&self, id: u32, text: &mut Vec<u8>) {
        if let Some(color) = self.colors.get(&id) {
            text.push(b'c');
            text.extend(color.iter().flat_map(|part| part.to_bits().to_le_bytes()));
        }
        let is_special = self.context.indexed_colour_full.contains_key(&id)
            || self.textures.contains_key(&id)
            || self.file.remarks.contains_key(&id);
        if is_special {
            text.push(b'n');
            text.extend(id.to_le_bytes());
        }
    }

    /// Whether anything is cut out of the element now.
    pub(crate) fn cuts_openings(&self, id: u32) -> bool {
        self.file.detail == Detail::Full && self.context.void_index.contains_key(&id)
    }

    /// How faithfully the file is drawn.
    pub(crate) fn detail(&self) -> Detail {
        self.file.detail
    }

    /// Tessellates one element, in the detail the file was prepared for.
    pub(crate) fn tessellate(&self, job: &Job, memo: &mut Memo) -> Tessellated {
        if self.unit_refused {
            return Tessellated::complaining("the file's length unit is not usable");
        }
        let mut decoder = EntityDecoder::with_arc_index(&self.file.bytes, self.file.index.clone())
            .with_strict_reals();
        decoder.set_point_cache(std::mem::take(&mut memo.points));
        decoder.set_placement_transform_cache(std::mem::take(&mut memo.placements));
        decoder.seed_unit_scales(self.file.unit_scale, self.file.plane_angle);
        let mut done = match self.file.detail {
            Detail::Box => self.boxed(job, &mut decoder),
            _ => self.produce(job, &mut decoder),
        };
        fine::thin(&mut done);
        thin::bound(&mut done);
        memo.points = decoder.take_point_cache();
        memo.placements = decoder.take_placement_transform_cache();
        done
    }

    fn produce(&self, job: &Job, decoder: &mut EntityDecoder<'_>) -> Tessellated {
        let span = JobSpan { id: job.id, start: job.start, end: job.end };
        let entity = match decode_job(decoder, span, SchedulerPolicy::PerJob) {
            Ok(entity) => entity,
            Err(error) => {
                return Tessellated::complaining(format!("its record does not parse: {error}"));
            }
        };
        let router = self.router();
        let cuts = self.file.detail == Detail::Full;
        let voids = if cuts { &self.context.void_index } else { &self.no_voids };
        let production = MeshProductionContext {
            void_index: voids,
            geometry_style_index: &self.context.geometry_style_index,
            indexed_colour_full: &self.context.indexed_colour_full,
            element_material_colors: &self.context.element_material_colors,
            texture_index: &self.textures,
            site_local_rotation: None,
        };
        let produced = produce_element_meshes(
            &ElementMeshJob {
                id: job.id,
                ifc_type: job_type(&entity, &self.file.bytes, span, Some(&job.class)),
                entity: &entity,
                kind: ElementJobKind::Product,
                element_color: Some(self.element_color(&entity, job, decoder)),
                metadata: None,
            },
            &production,
            &MeshProductionOptions::default(),
            decoder,
            &router,
        );
        let mut complaints = complaints(&produced, &router, decoder);
        complaints.extend(self.remarks(&produced));
        Tessellated {
            complaints,
            parts: produced.meshes.into_iter().filter_map(|mesh| self.part(mesh)).collect(),
        }
    }

    /// What was done to the items it is made of before the engine saw them.
    fn remarks(&self, produced: &ProducedElementMeshes) -> Vec<String> {
        if self.file.remarks.is_empty() {
            return Vec::new();
        }
        let items = produced.meshes.iter().filter_map(|mesh| mesh.geometry_item_id);
        let mut remarks: Vec<String> =
            items.filter_map(|item| self.file.remarks.get(&item).cloned()).collect();
        remarks.sort();
        remarks.dedup();
        remarks
    }

    /// A box around what the element is made of, cut or not.
    fn boxed(&self, job: &Job, decoder: &mut EntityDecoder<'_>) -> Tessellated {
        let span = JobSpan { id: job.id, start: job.start, end: job.end };
        let Ok(entity) = decode_job(decoder, span, SchedulerPolicy::PerJob) else {
            return Tessellated::default();
        };
        let Ok(placement) = self.router().resolve_scaled_placement_strict(&entity, decoder) else {
            return Tessellated::default();
        };
        let color = self.element_color(&entity, job, decoder);
        let corners = bounds::corners(&entity, decoder, self.file.unit_scale, &placement);
        let parts = corners.map(|corners| bounds::part(&corners, color)).into_iter().collect();
        Tessellated { parts, complaints: Vec::new() }
    }

    fn router(&self) -> GeometryRouter {
        let (items, brep_signatures, mapped_items) = self.caches.clone();
        build_router(
            RouterConfig {
                unit_scale: self.file.unit_scale,
                rtc_offset: self.anchor,
                ..RouterConfig::default()
            },
            SchedulerPolicy::PerJob,
            RouterCaches { items, brep_signatures, mapped_items },
            None,
            None,
            None,
        )
    }

    /// Colour of what has none of its own: first styled item, else material, else class.
    fn element_color(
        &self,
        entity: &ifc_lite_core::DecodedEntity,
        job: &Job,
        decoder: &mut EntityDecoder<'_>,
    ) -> [f32; 4] {
        resolve_element_color(entity, &self.colors, decoder)
            .or_else(|| {
                let colors = self.context.element_material_colors.get(&job.id)?;
                element_material_fallback_color(colors)
            })
            .unwrap_or_else(|| default_color_for_type(job.class.clone()).to_array())
    }

    fn part(&self, mesh: MeshData) -> Option<Part> {
        // 1 and 2 are shapes of the type library, drawn by its occurrences.
        let drawn = !matches!(mesh.geometry_class, 1 | 2) && !mesh.is_empty();
        let (x, y, z) = self.anchor;
        drawn.then(|| Part {
            origin: [mesh.origin[0] + x, mesh.origin[1] + y, mesh.origin[2] + z],
            positions: mesh.positions,
            normals: mesh.normals,
            indices: mesh.indices,
            color: mesh.color,
        })
    }
}

/// Whether a place may be what all others count from: one element at the end of the world
/// must not take the digits of those that are here. Map coordinates are told in millions
/// of metres, or in billions where they are millimetres.
fn is_on_earth((x, y, z): (f64, f64, f64)) -> bool {
    [x, y, z].iter().all(|metres| metres.abs() < 1e11)
}

impl Tessellated {
    /// Nothing drawn, for this reason.
    pub(crate) fn complaining(reason: impl Into<String>) -> Self {
        Self { parts: Vec::new(), complaints: vec![reason.into()] }
    }
}

struct Scanned {
    index: EntityIndex,
    discovery: Discovery,
    jobs: Vec<Job>,
    nested: Vec<u32>,
    /// Records that may have to be written again.
    candidates: Vec<(u32, rewrite::Kind)>,
}

fn scan(bytes: &[u8]) -> Scanned {
    let mut scanned = Scanned {
        index: EntityIndex::default(),
        discovery: Discovery::new(false),
        jobs: Vec::new(),
        nested: Vec::new(),
        candidates: Vec::new(),
    };
    scanned.index.reserve(bytes.len() / 64);
    let mut scanner = EntityScanner::new(bytes);
    while let Some((id, keyword, start, end)) = scanner.next_entity() {
        scanned.index.insert(id, (start, end));
        if styles::may_inherit(keyword) {
            scanned.nested.push(id);
        }
        if let Some(kind) = rewrite::kind(keyword) {
            scanned.candidates.push((id, kind));
        }
        let class = ScanClass::classify(keyword);
        if let Some(class) = scanned.discovery.observe(bytes, class, id, keyword, start, end) {
            scanned.jobs.push(Job { id, class, start, end });
        }
    }
    scanned.candidates.sort_unstable_by_key(|(id, _)| *id);
    scanned.candidates.dedup();
    scanned
}

/// The engine drops what it cannot do without an error; this is where it says so.
fn complaints(
    produced: &ProducedElementMeshes,
    router: &GeometryRouter,
    decoder: &EntityDecoder<'_>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let unsupported = router.take_unsupported_items();
    if !unsupported.is_empty() {
        complaints.push(format!("not supported: {}", format_unsupported_breakdown(&unsupported)));
    }
    if decoder.refused_records() > 0 {
        complaints.push("its geometry holds numbers that are not usable".into());
    }
    let mut failures: Vec<String> = produced
        .csg_failures
        .values()
        .flatten()
        // A cutter beside its host cuts nothing: that is the right result.
        .filter(|failure| failure.reason != BoolFailureReason::NoBoundsOverlap)
        .map(|failure| format!("{} failed: {}", failure.op, failure.reason))
        // The engine audits results it accepts, and says which findings change nothing.
        .filter(|text| !text.contains("informational, non-gating"))
        .collect();
    failures.sort();
    failures.dedup();
    if !failures.is_empty() {
        complaints.push(format!("cutting was not exact: {}", failures.join("; ")));
    }
    complaints
}
