//! Placements, colours and shapes: what a product looks like and where it stands.

use super::*;

impl IfcFile<'_> {
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

    pub(super) fn coloured(
        &mut self,
        item: Ref,
        kind: &'static str,
        colour: Option<Colour>,
    ) -> Item {
        if let Some(colour) = colour {
            let style = self.style(colour);
            self.step.add("IFCSTYLEDITEM", args![item, vec![style], Arg::Null]);
        }
        Item { item, kind }
    }

    pub(super) fn style(&mut self, colour: Colour) -> Ref {
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

    pub(super) fn pull(
        &mut self,
        profile: Ref,
        z0: f64,
        height: f64,
        colour: Option<Colour>,
    ) -> Item {
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

    pub(super) fn polyline(&mut self, outline: &[P2]) -> Ref {
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

    pub(super) fn representation(&mut self, items: &[Item]) -> Ref {
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
}
