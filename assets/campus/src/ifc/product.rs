//! Products: elements, openings, buildings, storeys, spaces.

use super::*;

impl IfcFile<'_> {
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
}
