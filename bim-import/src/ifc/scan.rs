//! One walk over a file: which records are entities of ours, and how the relationship
//! records join them.

use hashbrown::HashMap;

use super::engine::records::{IfcClass, Record, Records, Value};

/// What a file holds, by STEP instance name, before anything is read in depth.
#[derive(Default)]
pub(super) struct Inventory {
    /// The project, if there is one.
    pub(super) project: Option<u32>,
    /// Everything that becomes an entity, in file order, the project among them.
    pub(super) objects: Vec<Object>,
    /// Structural analysis items: counted, not read.
    pub(super) left_out: usize,
    /// Records whose instance name another record has, too.
    pub(super) repeated: usize,
    /// Pairs that relations may still join; each needs a word in an honest file.
    room: usize,
    /// Pairs for which there was no room.
    pub(super) unpaired: usize,
    /// Containers and wholes by what they hold.
    pub(super) parents: HashMap<u32, u32>,
    /// Host by opening.
    pub(super) host_of_opening: HashMap<u32, u32>,
    /// Opening by what fills it.
    pub(super) opening_of_filling: HashMap<u32, u32>,
    /// Type object by occurrence.
    pub(super) types: HashMap<u32, u32>,
    /// Property set definitions by object, in file order.
    pub(super) definitions: HashMap<u32, Vec<u32>>,
    /// Zones and systems by member.
    pub(super) groups: HashMap<u32, Vec<u32>>,
    /// Classification references by object.
    pub(super) classifications: HashMap<u32, Vec<u32>>,
    /// Ports that belong to an element, by port.
    pub(super) element_of_port: HashMap<u32, u32>,
    /// Ports, in file order.
    pub(super) ports: Vec<u32>,
    /// Ports that meet.
    pub(super) joints: Vec<(u32, u32)>,
    /// What controls a flow element, and that element.
    pub(super) controls: Vec<(u32, u32)>,
    /// Spatial elements that something reaches into besides the one that contains it.
    pub(super) references: Vec<(u32, u32)>,
    /// Buildings and storeys by the system that serves them.
    pub(super) served: HashMap<u32, u32>,
    /// Materials by object.
    pub(super) materials: HashMap<u32, u32>,
    /// Space and bounding element, and whether outdoors is behind it.
    pub(super) boundaries: Vec<(u32, u32, bool)>,
    /// Records that say where on earth the file is.
    pub(super) georeference: GeoRecords,
    /// Representation contexts, the holders of true north.
    pub(super) contexts: Vec<u32>,
}

/// One object that becomes an entity.
pub(super) struct Object {
    pub(super) id: u32,
    pub(super) class: IfcClass,
}

/// Records about the place on earth.
#[derive(Default)]
pub(super) struct GeoRecords {
    pub(super) conversions: Vec<u32>,
    pub(super) systems: Vec<u32>,
    pub(super) property_sets: Vec<u32>,
    pub(super) sites: Vec<u32>,
}

/// What the walk does with a record.
#[derive(Clone)]
enum Role {
    Object(IfcClass),
    Project(IfcClass),
    Port,
    LeftOut,
    Relation(Relation),
    Conversion,
    System,
    PropertySet,
    Context,
    None,
}

#[derive(Clone, Copy, PartialEq)]
enum Relation {
    Contains,
    Aggregates,
    Voids,
    Fills,
    Types,
    Defines,
    Groups,
    Serves,
    Material,
    Boundary,
    Classifies,
    PortOf,
    Joins,
    Controls,
    References,
}

fn relation(keyword: &str) -> Option<Relation> {
    Some(match keyword {
        "IFCRELCONTAINEDINSPATIALSTRUCTURE" => Relation::Contains,
        "IFCRELAGGREGATES" | "IFCRELNESTS" | "IFCRELDECOMPOSES" => Relation::Aggregates,
        "IFCRELVOIDSELEMENT" => Relation::Voids,
        "IFCRELFILLSELEMENT" => Relation::Fills,
        "IFCRELDEFINESBYTYPE" => Relation::Types,
        "IFCRELDEFINESBYPROPERTIES" => Relation::Defines,
        "IFCRELASSIGNSTOGROUP" | "IFCRELASSIGNSTOGROUPBYFACTOR" => Relation::Groups,
        "IFCRELSERVICESBUILDINGS" => Relation::Serves,
        "IFCRELASSOCIATESMATERIAL" => Relation::Material,
        "IFCRELSPACEBOUNDARY" | "IFCRELSPACEBOUNDARY1STLEVEL" | "IFCRELSPACEBOUNDARY2NDLEVEL" => {
            Relation::Boundary
        }
        "IFCRELASSOCIATESCLASSIFICATION" => Relation::Classifies,
        "IFCRELCONNECTSPORTTOELEMENT" => Relation::PortOf,
        "IFCRELCONNECTSPORTS" => Relation::Joins,
        "IFCRELFLOWCONTROLELEMENTS" => Relation::Controls,
        "IFCRELREFERENCEDINSPATIALSTRUCTURE" => Relation::References,
        _ => return None,
    })
}

fn role(keyword: &str) -> Role {
    if let Some(relation) = relation(keyword) {
        return Role::Relation(relation);
    }
    match keyword {
        "IFCMAPCONVERSION" | "IFCMAPCONVERSIONSCALED" => return Role::Conversion,
        "IFCPROJECTEDCRS" => return Role::System,
        "IFCPROPERTYSET" => return Role::PropertySet,
        "IFCGEOMETRICREPRESENTATIONCONTEXT" => return Role::Context,
        _ => {}
    }
    let class = IfcClass::from_keyword(keyword);
    let left_out = ["IfcStructuralItem", "IfcStructuralActivity"];
    if class.name() == "IfcProject" {
        Role::Project(class)
    } else if class.is_a("IfcPort") {
        Role::Port
    } else if left_out.iter().any(|ancestor| class.is_a(ancestor)) {
        Role::LeftOut
    } else if ["IfcProduct", "IfcZone", "IfcSystem"].iter().any(|ancestor| class.is_a(ancestor))
        && !class.is_a("IfcStructuralAnalysisModel")
    {
        Role::Object(class)
    } else {
        Role::None
    }
}

/// Walks the file and reads its relationships.
pub(super) fn scan(bytes: &[u8]) -> (Records<'_>, Inventory) {
    let mut inventory = Inventory { room: bytes.len(), ..Inventory::default() };
    let mut relations: Vec<(Relation, u32)> = Vec::new();
    let mut roles: HashMap<&str, Role> = HashMap::new();
    let records = Records::scan(bytes, |seen| {
        let known = match roles.get(seen.keyword) {
            Some(role) => role.clone(),
            None => {
                let role = role(&seen.keyword.to_ascii_uppercase());
                roles.insert(seen.keyword, role.clone());
                role
            }
        };
        let id = seen.id;
        if seen.is_repeated {
            inventory.repeated += 1;
            return;
        }
        match known {
            Role::Object(class) => {
                if class.name() == "IfcSite" {
                    inventory.georeference.sites.push(id);
                }
                inventory.objects.push(Object { id, class });
            }
            Role::Project(class) => {
                inventory.project.get_or_insert(id);
                inventory.objects.push(Object { id, class });
            }
            Role::Port => inventory.ports.push(id),
            Role::LeftOut => inventory.left_out += 1,
            Role::Relation(relation) => relations.push((relation, id)),
            Role::Conversion => inventory.georeference.conversions.push(id),
            Role::System => inventory.georeference.systems.push(id),
            Role::PropertySet => inventory.georeference.property_sets.push(id),
            Role::Context => inventory.contexts.push(id),
            Role::None => {}
        }
    });
    // Containment first: where a file says both, the part of an assembly belongs to it.
    for pass in [true, false] {
        for &(relation, id) in &relations {
            if (relation == Relation::Contains) == pass
                && let Some(record) = records.get(id)
            {
                inventory.join(relation, &record);
            }
        }
    }
    (records, inventory)
}

impl Inventory {
    fn join(&mut self, relation: Relation, record: &Record) {
        if relation == Relation::Boundary {
            let is_external = record.get(8).and_then(Value::as_enum).is_some_and(|word| {
                word.starts_with("EXTERNAL") && !matches!(word, "EXTERNAL_EARTH" | "EXTERNAL_FIRE")
            });
            let ends = record.get_ref(4).zip(record.get_ref(5));
            self.boundaries.extend(ends.map(|(space, element)| (space, element, is_external)));
            return;
        }
        let (one, many) = match relation {
            // The one stands behind the many.
            Relation::Contains
            | Relation::Types
            | Relation::Defines
            | Relation::Material
            | Relation::Classifies
            | Relation::Controls
            | Relation::References => (5, 4),
            Relation::Groups => (6, 4),
            _ => (4, 5),
        };
        let Some(one) = record.get(one) else { return };
        let ones: Vec<u32> = match one.as_ref_members() {
            Some(members) => members.iter().filter_map(Value::as_entity_ref).collect(),
            None => return,
        };
        let many = record
            .get_refs(many)
            .or_else(|| record.get_ref(many).map(|id| vec![id]))
            .unwrap_or_default();
        for &one in &ones {
            let paired = many.len().min(self.room);
            self.room -= paired;
            self.unpaired = self.unpaired.saturating_add(many.len() - paired);
            for &other in &many[..paired] {
                self.pair(relation, one, other);
            }
        }
    }

    fn pair(&mut self, relation: Relation, one: u32, other: u32) {
        match relation {
            Relation::Contains | Relation::Aggregates => {
                self.parents.insert(other, one);
            }
            Relation::Voids => {
                self.host_of_opening.insert(other, one);
            }
            Relation::Fills => {
                self.opening_of_filling.insert(other, one);
            }
            Relation::Types => {
                self.types.insert(other, one);
            }
            Relation::Defines => self.definitions.entry(other).or_default().push(one),
            Relation::Groups => self.groups.entry(other).or_default().push(one),
            Relation::Serves => {
                self.served.entry(one).or_insert(other);
            }
            Relation::Material => {
                self.materials.insert(other, one);
            }
            Relation::Classifies => self.classifications.entry(other).or_default().push(one),
            // Here the port is named first.
            Relation::PortOf => {
                self.element_of_port.insert(one, other);
            }
            Relation::Joins => self.joints.push((one, other)),
            Relation::Controls => self.controls.push((other, one)),
            Relation::References => self.references.push((other, one)),
            // Read with their third word, below.
            Relation::Boundary => {}
        }
    }

    /// What holds an object: its whole or container, else what it fills or cuts, else
    /// what it serves.
    pub(super) fn parent(&self, id: u32) -> Option<u32> {
        let through_opening = || {
            let opening = self.opening_of_filling.get(&id)?;
            self.host_of_opening.get(opening)
        };
        self.parents
            .get(&id)
            .or_else(|| self.host_of_opening.get(&id))
            .or_else(through_opening)
            .or_else(|| self.served.get(&id))
            .copied()
    }
}
