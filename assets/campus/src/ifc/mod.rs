//! One IFC4 file: header and units, styles, placements, products and their relations.
//!
//! Instances are written as they are made; only what later lines refer to (styles, symbols, open
//! relations of one storey) is kept, so that a file's size does not show in memory.

mod product;
mod relation;
mod shape;

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
