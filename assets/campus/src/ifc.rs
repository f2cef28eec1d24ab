//! One IFC4 file: header and units, styles, placements, products and their relations.
//!
//! Instances are written as they are made; only what later lines refer to (styles, symbols, open
//! relations of one storey) is kept, so that a file's size does not show in memory.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::colour::Colour;
use crate::geometry::{Mesh, P2, Pose};
use crate::georef;
use crate::ids::{Random, global_id};
use crate::step::{Arg, Ref, Step, args};

/// A piece of geometry already written, with the form IFC calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) item: Ref,
    kind: &'static str,
}

/// Attributes a class has after those of `IfcElement`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tail {
    /// Only a predefined type.
    Type(&'static str),
    /// Height and width of a door, and its predefined type.
    Door { height: f64, width: f64, kind: &'static str, operation: &'static str },
    /// Height and width of a window.
    Window { height: f64, width: f64 },
    /// Risers of a stair flight and their height and going.
    Flight { risers: i64, riser: f64, tread: f64 },
}

/// What is said about one element.
#[derive(Debug, Clone)]
pub(crate) struct Element<'a> {
    pub(crate) class: &'static str,
    pub(crate) name: &'a str,
    pub(crate) object_type: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
    pub(crate) tail: Tail,
}

impl<'a> Element<'a> {
    /// An element with nothing but a class, a name and a predefined type.
    pub(crate) fn new(class: &'static str, name: &'a str, kind: &'static str) -> Self {
        Element { class, name, object_type: None, tag: None, tail: Tail::Type(kind) }
    }
    pub(crate) fn tagged(self, tag: &'a str) -> Self {
        Element { tag: Some(tag), ..self }
    }
    pub(crate) fn of_type(self, object_type: &'a str) -> Self {
        Element { object_type: Some(object_type), ..self }
    }
    pub(crate) fn tail(self, tail: Tail) -> Self {
        Element { tail, ..self }
    }
}

/// A file being written.
pub(crate) struct IfcFile<'w> {
    step: Step<'w>,
    /// Prefix of every id: the building's code, with its compound.
    scope: String,
    /// What ids are made below now: a storey, the roof.
    place: String,
    serials: HashMap<(String, &'static str), u32>,
    styles: HashMap<&'static str, Ref>,
    symbols: HashMap<String, Ref>,
    profile_origin: Ref,
    origin: Ref,
    up: Ref,
    turns: HashMap<i64, Ref>,
    body: Ref,
    unit_scale: Ref,
    context: Ref,
    /// Open containments: (structure, elements).
    contained: Vec<(Ref, Vec<Ref>)>,
    /// Property sets waiting for all their elements, by set.
    assigned: Vec<(Ref, Vec<Ref>)>,
    shared_sets: HashMap<String, Ref>,
    elements: u64,
    pub(crate) random: Random,
}

impl<'w> IfcFile<'w> {
    /// Starts a file with project, units and georeference. Returns it with its site.
    pub(crate) fn begin(
        out: &'w mut dyn Write,
        scope: &str,
        title: &str,
        seed: u64,
    ) -> (Self, Ref) {
        let mut step = Step::begin(
            out,
            &format!("{}.ifc", scope.replace('/', "-")),
            "ViewDefinition [DesignTransferView_V1.0]",
        );
        let zero = step.add("IFCCARTESIANPOINT", args![vec![0.0, 0.0, 0.0]]);
        let up = step.add("IFCDIRECTION", args![vec![0.0, 0.0, 1.0]]);
        let origin = step.add("IFCAXIS2PLACEMENT3D", args![zero, Arg::Null, Arg::Null]);
        let zero2 = step.add("IFCCARTESIANPOINT", args![vec![0.0, 0.0]]);
        let profile_origin = step.add("IFCAXIS2PLACEMENT2D", args![zero2, Arg::Null]);
        let (sin, cos) = georef::ROTATION_DEG.to_radians().sin_cos();
        let north = step.add("IFCDIRECTION", args![vec![sin, cos]]);
        let context = step.add(
            "IFCGEOMETRICREPRESENTATIONCONTEXT",
            args![Arg::Null, "Model", Arg::Int(3), 1e-5, origin, north],
        );
        let body = step.add(
            "IFCGEOMETRICREPRESENTATIONSUBCONTEXT",
            args![
                "Body",
                "Model",
                Arg::Derived,
                Arg::Derived,
                Arg::Derived,
                Arg::Derived,
                context,
                Arg::Null,
                Arg::Enum("MODEL_VIEW"),
                Arg::Null
            ],
        );
        let unit_scale = step.add(
            "IFCCARTESIANTRANSFORMATIONOPERATOR3D",
            args![Arg::Null, Arg::Null, zero, 1.0, Arg::Null],
        );
        let mut file = IfcFile {
            step,
            scope: scope.to_owned(),
            place: String::new(),
            serials: HashMap::new(),
            styles: HashMap::new(),
            symbols: HashMap::new(),
            profile_origin,
            origin,
            up,
            turns: HashMap::new(),
            body,
            unit_scale,
            context,
            contained: Vec::new(),
            assigned: Vec::new(),
            shared_sets: HashMap::new(),
            elements: 0,
            random: Random::new(seed, scope),
        };
        let project = file.project(title);
        let site = file.site(title);
        file.aggregate(project, vec![site]);
        (file, site)
    }

    /// The project: one for all files, which share its GlobalId as federated files do.
    fn project(&mut self, title: &str) -> Ref {
        let mut units = Vec::new();
        for (kind, name) in [
            ("LENGTHUNIT", "METRE"),
            ("AREAUNIT", "SQUARE_METRE"),
            ("VOLUMEUNIT", "CUBIC_METRE"),
            ("PLANEANGLEUNIT", "RADIAN"),
        ] {
            units.push(self.step.add(
                "IFCSIUNIT",
                args![Arg::Derived, Arg::Enum(kind), Arg::Null, Arg::Enum(name)],
            ));
        }
        let metre = units[0];
        let units = self.step.add("IFCUNITASSIGNMENT", args![units]);
        let crs = self.step.add(
            "IFCPROJECTEDCRS",
            args![
                "EPSG:4547",
                "CGCS2000 / 3-degree Gauss-Kruger CM 114E",
                "CGCS2000",
                "Yellow Sea 1985",
                "Gauss-Kruger",
                "CM 114E",
                metre
            ],
        );
        let (sin, cos) = georef::ROTATION_DEG.to_radians().sin_cos();
        self.step.add(
            "IFCMAPCONVERSION",
            args![
                self.context,
                crs,
                georef::ORIGIN.x,
                georef::ORIGIN.y,
                georef::HEIGHT_M,
                cos,
                sin,
                1.0
            ],
        );
        let id = global_id("campus/project");
        self.step.add(
            "IFCPROJECT",
            args![
                id,
                Arg::Null,
                title,
                Arg::Null,
                Arg::Null,
                title,
                Arg::Null,
                vec![self.context],
                units
            ],
        )
    }

    /// The site, shared like the project.
    fn site(&mut self, title: &str) -> Ref {
        let placement = self.step.add("IFCLOCALPLACEMENT", args![Arg::Null, self.origin]);
        let (lon, lat) = georef::to_lon_lat(crate::geometry::p2(0.0, 0.0));
        let id = global_id("campus/site");
        self.step.add(
            "IFCSITE",
            args![
                id,
                Arg::Null,
                title,
                Arg::Null,
                Arg::Null,
                placement,
                Arg::Null,
                Arg::Null,
                Arg::Enum("ELEMENT"),
                georef::compound_angle(lat),
                georef::compound_angle(lon),
                georef::HEIGHT_M,
                Arg::Null,
                Arg::Null
            ],
        )
    }

    /// Where ids are made from now on: a storey's name.
    pub(crate) fn enter(&mut self, place: &str) {
        self.place = place.to_owned();
    }

    /// A GlobalId for the next thing of this kind in this place.
    fn id(&mut self, kind: &'static str) -> String {
        let serial = self.serials.entry((self.place.clone(), kind)).or_insert(0);
        *serial += 1;
        global_id(&format!("{}/{}/{kind}/{serial}", self.scope, self.place))
    }

    // ---- placements -------------------------------------------------------------------------

    /// The placement of something within another's.
    pub(crate) fn place_at(&mut self, parent: Option<Ref>, pose: Pose) -> Ref {
        let point = self.step.add("IFCCARTESIANPOINT", args![vec![pose.x, pose.y, pose.z]]);
        let key = (pose.angle.rem_euclid(std::f64::consts::TAU) * 1e6).round() as i64;
        let axes = if key == 0 {
            self.step.add("IFCAXIS2PLACEMENT3D", args![point, Arg::Null, Arg::Null])
        } else {
            let turn = match self.turns.get(&key) {
                Some(turn) => *turn,
                None => {
                    let (sin, cos) = pose.angle.sin_cos();
                    let turn = self.step.add("IFCDIRECTION", args![vec![cos, sin, 0.0]]);
                    self.turns.insert(key, turn);
                    turn
                }
            };
            self.step.add("IFCAXIS2PLACEMENT3D", args![point, self.up, turn])
        };
        self.step.add("IFCLOCALPLACEMENT", args![Arg::opt(parent), axes])
    }

    // ---- geometry ---------------------------------------------------------------------------

    fn coloured(&mut self, item: Ref, kind: &'static str, colour: Option<Colour>) -> Item {
        if let Some(colour) = colour {
            let style = self.style(colour);
            self.step.add("IFCSTYLEDITEM", args![item, vec![style], Arg::Null]);
        }
        Item { item, kind }
    }

    fn style(&mut self, colour: Colour) -> Ref {
        if let Some(style) = self.styles.get(colour.name) {
            return *style;
        }
        let [r, g, b] = colour.rgb.map(|part| (f64::from(part) / 255.0 * 1e4).round() / 1e4);
        let rgb = self.step.add("IFCCOLOURRGB", args![Arg::Null, r, g, b]);
        let rendering = self.step.add(
            "IFCSURFACESTYLERENDERING",
            args![
                rgb,
                1.0 - colour.opacity,
                Arg::Null,
                Arg::Null,
                Arg::Null,
                Arg::Null,
                Arg::Null,
                Arg::Null,
                Arg::Enum("NOTDEFINED")
            ],
        );
        let style = self
            .step
            .add("IFCSURFACESTYLE", args![colour.name, Arg::Enum("BOTH"), vec![rendering]]);
        self.styles.insert(colour.name, style);
        style
    }

    /// An outline pulled up from `z0` by `height`; `holes` are cut out of it.
    pub(crate) fn extrusion(
        &mut self,
        outline: &[P2],
        holes: &[Vec<P2>],
        z0: f64,
        height: f64,
        colour: Option<Colour>,
    ) -> Item {
        let outer = self.polyline(outline);
        let profile = if holes.is_empty() {
            self.step
                .add("IFCARBITRARYCLOSEDPROFILEDEF", args![Arg::Enum("AREA"), Arg::Null, outer])
        } else {
            let inner: Vec<Ref> = holes.iter().map(|hole| self.polyline(hole)).collect();
            self.step.add(
                "IFCARBITRARYPROFILEDEFWITHVOIDS",
                args![Arg::Enum("AREA"), Arg::Null, outer, inner],
            )
        };
        self.pull(profile, z0, height, colour)
    }

    /// A box with its length on the x axis about the origin of its placement.
    pub(crate) fn block(&mut self, size: [f64; 3], z0: f64, colour: Option<Colour>) -> Item {
        let profile = self.step.add(
            "IFCRECTANGLEPROFILEDEF",
            args![Arg::Enum("AREA"), Arg::Null, self.profile_origin, size[0], size[1]],
        );
        self.pull(profile, z0, size[2], colour)
    }

    fn pull(&mut self, profile: Ref, z0: f64, height: f64, colour: Option<Colour>) -> Item {
        let position = if z0 == 0.0 {
            self.origin
        } else {
            let point = self.step.add("IFCCARTESIANPOINT", args![vec![0.0, 0.0, z0]]);
            self.step.add("IFCAXIS2PLACEMENT3D", args![point, Arg::Null, Arg::Null])
        };
        let solid =
            self.step.add("IFCEXTRUDEDAREASOLID", args![profile, position, self.up, height]);
        self.coloured(solid, "SweptSolid", colour)
    }

    fn polyline(&mut self, outline: &[P2]) -> Ref {
        let points =
            outline.iter().chain(outline.first()).map(|p| vec![p.x, p.y]).collect::<Vec<_>>();
        let list = self.step.add("IFCCARTESIANPOINTLIST2D", args![points]);
        self.step.add("IFCINDEXEDPOLYCURVE", args![list, Arg::Null, Arg::Null])
    }

    /// A triangle mesh.
    pub(crate) fn mesh(&mut self, mesh: &Mesh, colour: Colour) -> Item {
        let points = mesh.points.iter().map(|p| p.to_vec()).collect::<Vec<_>>();
        let list = self.step.add("IFCCARTESIANPOINTLIST3D", args![points]);
        let faces = mesh.faces.iter().map(|f| f.map(|i| i + 1)).collect::<Vec<_>>();
        let set = self
            .step
            .add("IFCTRIANGULATEDFACESET", args![list, Arg::Null, !mesh.open, faces, Arg::Null]);
        self.coloured(set, "Tessellation", Some(colour))
    }

    /// A shape made for one product.
    pub(crate) fn shape(&mut self, items: &[Item]) -> Ref {
        let representation = self.representation(items);
        self.step
            .add("IFCPRODUCTDEFINITIONSHAPE", args![Arg::Null, Arg::Null, vec![representation]])
    }

    fn representation(&mut self, items: &[Item]) -> Ref {
        let kind = items.first().map_or("Tessellation", |first| first.kind);
        // Mixed forms have no name of their own but this one.
        let kind = if items.iter().all(|item| item.kind == kind) { kind } else { "SolidModel" };
        let items = items.iter().map(|item| item.item).collect::<Vec<_>>();
        self.step.add("IFCSHAPEREPRESENTATION", args![self.body, "Body", kind, items])
    }

    /// A shape that repeats one drawn before under this key; `draw` runs the first time only.
    pub(crate) fn symbol(&mut self, key: &str, draw: impl FnOnce(&mut Self) -> Vec<Item>) -> Ref {
        let map = match self.symbols.get(key) {
            Some(map) => *map,
            None => {
                let items = draw(self);
                let representation = self.representation(&items);
                let map = self.step.add("IFCREPRESENTATIONMAP", args![self.origin, representation]);
                self.symbols.insert(key.to_owned(), map);
                map
            }
        };
        let mapped = self.step.add("IFCMAPPEDITEM", args![map, self.unit_scale]);
        let representation = self.step.add(
            "IFCSHAPEREPRESENTATION",
            args![self.body, "Body", "MappedRepresentation", vec![mapped]],
        );
        self.step
            .add("IFCPRODUCTDEFINITIONSHAPE", args![Arg::Null, Arg::Null, vec![representation]])
    }

    // ---- products ---------------------------------------------------------------------------

    /// Writes an element; it still has to be put somewhere ([`Self::contain`] or [`Self::aggregate`]).
    pub(crate) fn element(
        &mut self,
        about: &Element<'_>,
        placement: Ref,
        shape: Option<Ref>,
    ) -> Ref {
        let id = match about.tag {
            // A tagged thing keeps its id even when what stands before it changes.
            Some(tag) => global_id(&format!("{}/tag/{tag}", self.scope)),
            None => self.id(about.class),
        };
        let mut list = vec![
            Arg::from(id),
            Arg::Null,
            about.name.into(),
            Arg::Null,
            Arg::opt(about.object_type),
            placement.into(),
            Arg::opt(shape),
            Arg::opt(about.tag),
        ];
        match about.tail {
            Tail::Type(kind) => list.push(Arg::Enum(kind)),
            Tail::Door { height, width, kind, operation } => {
                list.extend([
                    height.into(),
                    width.into(),
                    Arg::Enum(kind),
                    Arg::Enum(operation),
                    Arg::Null,
                ]);
            }
            Tail::Window { height, width } => {
                list.extend([
                    height.into(),
                    width.into(),
                    Arg::Enum("WINDOW"),
                    Arg::Enum("SINGLE_PANEL"),
                    Arg::Null,
                ]);
            }
            Tail::Flight { risers, riser, tread } => {
                list.extend([
                    Arg::Int(risers),
                    Arg::Int(risers - 1),
                    riser.into(),
                    tread.into(),
                    Arg::Enum("STRAIGHT"),
                ]);
            }
        }
        if about.class != "IFCOPENINGELEMENT" {
            self.elements += 1;
        }
        self.step.add(about.class, &list)
    }

    /// Cuts an opening into an element and, where given, fills it.
    pub(crate) fn cut(&mut self, host: Ref, placement: Ref, shape: Ref) -> Ref {
        let opening = self.element(
            &Element::new("IFCOPENINGELEMENT", "Opening", "OPENING"),
            placement,
            Some(shape),
        );
        let id = self.id("IFCRELVOIDSELEMENT");
        self.step
            .add("IFCRELVOIDSELEMENT", args![id, Arg::Null, Arg::Null, Arg::Null, host, opening]);
        opening
    }

    /// Says what stands in an opening.
    pub(crate) fn fill(&mut self, opening: Ref, filling: Ref) {
        let id = self.id("IFCRELFILLSELEMENT");
        self.step.add(
            "IFCRELFILLSELEMENT",
            args![id, Arg::Null, Arg::Null, Arg::Null, opening, filling],
        );
    }

    /// A building on the site.
    pub(crate) fn building(
        &mut self,
        site: Ref,
        code: &str,
        long_name: &str,
        pose: Pose,
    ) -> (Ref, Ref) {
        let placement = self.place_at(None, pose);
        let id = self.id("IFCBUILDING");
        let building = self.step.add(
            "IFCBUILDING",
            args![
                id,
                Arg::Null,
                code,
                Arg::Null,
                Arg::Null,
                placement,
                Arg::Null,
                long_name,
                Arg::Enum("ELEMENT"),
                Arg::Null,
                Arg::Null,
                Arg::Null
            ],
        );
        self.aggregate(site, vec![building]);
        (building, placement)
    }

    /// A storey, `elevation` metres above the building's ±0.00. Returns it with its placement.
    pub(crate) fn storey(
        &mut self,
        building_placement: Ref,
        name: &str,
        long_name: &str,
        elevation: f64,
    ) -> (Ref, Ref) {
        let placement = self.place_at(Some(building_placement), Pose::at(0.0, 0.0, elevation));
        let id = self.id("IFCBUILDINGSTOREY");
        let storey = self.step.add(
            "IFCBUILDINGSTOREY",
            args![
                id,
                Arg::Null,
                name,
                Arg::Null,
                Arg::Null,
                placement,
                Arg::Null,
                long_name,
                Arg::Enum("ELEMENT"),
                elevation
            ],
        );
        (storey, placement)
    }

    /// A space; its name is its code.
    pub(crate) fn space(
        &mut self,
        name: &str,
        long_name: &str,
        use_name: &str,
        placement: Ref,
        shape: Ref,
        external: bool,
    ) -> Ref {
        let id = global_id(&format!("{}/space/{name}", self.scope));
        self.elements += 1;
        let kind = if external { "EXTERNAL" } else { "INTERNAL" };
        self.step.add(
            "IFCSPACE",
            args![
                id,
                Arg::Null,
                name,
                Arg::Null,
                use_name,
                placement,
                shape,
                long_name,
                Arg::Enum("ELEMENT"),
                Arg::Enum(kind),
                Arg::Null
            ],
        )
    }

    // ---- relations --------------------------------------------------------------------------

    /// Makes `parts` parts of `whole`.
    pub(crate) fn aggregate(&mut self, whole: Ref, parts: Vec<Ref>) {
        if parts.is_empty() {
            return;
        }
        let id = self.id("IFCRELAGGREGATES");
        self.step.add("IFCRELAGGREGATES", args![id, Arg::Null, Arg::Null, Arg::Null, whole, parts]);
    }

    /// Puts an element into a storey or space; written at [`Self::flush`].
    pub(crate) fn contain(&mut self, structure: Ref, element: Ref) {
        match self.contained.iter_mut().rev().find(|(into, _)| *into == structure) {
            Some((_, elements)) => elements.push(element),
            None => self.contained.push((structure, vec![element])),
        }
    }

    /// Writes the containments and property assignments gathered so far.
    pub(crate) fn flush(&mut self) {
        for (structure, elements) in std::mem::take(&mut self.contained) {
            let id = self.id("IFCRELCONTAINEDINSPATIALSTRUCTURE");
            self.step.add(
                "IFCRELCONTAINEDINSPATIALSTRUCTURE",
                args![id, Arg::Null, Arg::Null, Arg::Null, elements, structure],
            );
        }
        for (set, elements) in std::mem::take(&mut self.assigned) {
            let id = self.id("IFCRELDEFINESBYPROPERTIES");
            self.step.add(
                "IFCRELDEFINESBYPROPERTIES",
                args![id, Arg::Null, Arg::Null, Arg::Null, elements, set],
            );
        }
    }

    /// Says that an element serves a storey it is not contained in (lifts, stairs).
    pub(crate) fn refer(&mut self, structure: Ref, elements: Vec<Ref>) {
        if elements.is_empty() {
            return;
        }
        let id = self.id("IFCRELREFERENCEDINSPATIALSTRUCTURE");
        self.step.add(
            "IFCRELREFERENCEDINSPATIALSTRUCTURE",
            args![id, Arg::Null, Arg::Null, Arg::Null, elements, structure],
        );
    }

    /// One side of a door or opening: the space it leads to.
    pub(crate) fn boundary(&mut self, space: Ref, element: Ref, external: bool) {
        let id = self.id("IFCRELSPACEBOUNDARY");
        self.step.add(
            "IFCRELSPACEBOUNDARY",
            args![
                id,
                Arg::Null,
                Arg::Null,
                Arg::Null,
                space,
                element,
                Arg::Null,
                Arg::Enum("PHYSICAL"),
                Arg::Enum(if external { "EXTERNAL" } else { "INTERNAL" })
            ],
        );
    }

    // ---- properties -------------------------------------------------------------------------

    /// Gives an element a property set; equal sets are written once.
    pub(crate) fn properties(&mut self, element: Ref, set: &str, values: &[(&str, Value<'_>)]) {
        let key = format!("{set}{values:?}");
        let set_ref = match self.shared_sets.get(&key) {
            Some(found) => *found,
            None => {
                let properties = values
                    .iter()
                    .map(|(name, value)| {
                        self.step.add(
                            "IFCPROPERTYSINGLEVALUE",
                            args![*name, Arg::Null, value.arg(), Arg::Null],
                        )
                    })
                    .collect::<Vec<_>>();
                let id = self.id("IFCPROPERTYSET");
                let made = self
                    .step
                    .add("IFCPROPERTYSET", args![id, Arg::Null, set, Arg::Null, properties]);
                self.shared_sets.insert(key, made);
                made
            }
        };
        match self.assigned.iter_mut().find(|(to, _)| *to == set_ref) {
            Some((_, elements)) => elements.push(element),
            None => self.assigned.push((set_ref, vec![element])),
        }
    }

    /// Base quantities of a space.
    pub(crate) fn space_quantities(
        &mut self,
        space: Ref,
        area_m2: f64,
        perimeter_m: f64,
        height_m: f64,
    ) {
        let quantity = |file: &mut Self, entity: &'static str, name: &str, value: f64| {
            file.step.add(entity, args![name, Arg::Null, Arg::Null, value, Arg::Null])
        };
        let list = vec![
            quantity(self, "IFCQUANTITYAREA", "NetFloorArea", area_m2),
            quantity(self, "IFCQUANTITYAREA", "GrossFloorArea", area_m2),
            quantity(self, "IFCQUANTITYLENGTH", "NetPerimeter", perimeter_m),
            quantity(self, "IFCQUANTITYLENGTH", "Height", height_m),
            quantity(self, "IFCQUANTITYVOLUME", "NetVolume", area_m2 * height_m),
        ];
        let id = self.id("IFCELEMENTQUANTITY");
        let set = self.step.add(
            "IFCELEMENTQUANTITY",
            args![id, Arg::Null, "Qto_SpaceBaseQuantities", Arg::Null, Arg::Null, list],
        );
        self.assigned.push((set, vec![space]));
    }

    /// Ends the file; returns how many elements and spaces it holds (openings and the spatial frame do
    /// not count).
    ///
    /// # Errors
    /// The first error writing met.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.flush();
        let elements = self.elements;
        self.step.finish()?;
        Ok(elements)
    }
}

/// A property's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Label(&'a str),
    Bool(bool),
    Real(f64),
}

impl Value<'_> {
    fn arg(self) -> Arg {
        let (name, value) = match self {
            Value::Label(text) => ("IFCLABEL", Arg::from(text)),
            Value::Bool(value) => ("IFCBOOLEAN", value.into()),
            Value::Real(value) => ("IFCREAL", value.into()),
        };
        Arg::Typed(name, Box::new(value))
    }
}
