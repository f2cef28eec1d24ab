//! Relations, and the property sets that hang on them.

use super::*;

impl IfcFile<'_> {
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
}
