use super::*;

const HEAD: &str = r#"<?xml version="1.0"?><CityModel xmlns:gml="http://www.opengis.net/gml" xmlns:bldg="b" xmlns:gen="g"><gml:boundedBy><gml:Envelope srsName="urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH" srsDimension="3"/></gml:boundedBy>"#;

fn polygon(points: &[[f64; 3]]) -> String {
    let list: Vec<String> =
        points.iter().chain(&points[..1]).flatten().map(ToString::to_string).collect();
    format!(
        "<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>",
        list.join(" ")
    )
}

fn at(x: f64, y: f64, z: f64) -> [f64; 3] {
    [456_000.0 + x, 5_429_000.0 + y, 110.0 + z]
}

#[test]
fn buildings_parts_and_roles_are_read_at_the_wanted_level() {
    let roof = polygon(&[at(0.0, 0.0, 6.0), at(9.0, 0.0, 6.0), at(9.0, 9.0, 6.0)]);
    let wall = polygon(&[at(0.0, 0.0, 0.0), at(9.0, 0.0, 0.0), at(9.0, 0.0, 6.0)]);
    let text = format!(
        "{HEAD}<cityObjectMember><bldg:Building gml:id=\"b1\"><gml:name>Hall &amp; tower</gml:name><gen:stringAttribute name=\"owner\"><gen:value>town</gen:value></gen:stringAttribute><bldg:measuredHeight uom=\"m\">6.5</bldg:measuredHeight><bldg:lod1Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{wall}{wall}{wall}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod1Solid><bldg:boundedBy><bldg:RoofSurface gml:id=\"r\"><bldg:lod2MultiSurface><gml:MultiSurface>{roof}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:RoofSurface></bldg:boundedBy><bldg:boundedBy><bldg:WallSurface><bldg:lod2MultiSurface><gml:MultiSurface>{wall}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:WallSurface></bldg:boundedBy><bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id=\"p1\"><bldg:lod2MultiSurface><gml:MultiSurface>{roof}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:BuildingPart></bldg:consistsOfBuildingPart></bldg:Building></cityObjectMember></CityModel>"
    );
    let city = read(text.as_bytes(), None, lod::Wanted::default()).unwrap();
    let [building, part] = city.objects.as_slice() else { panic!() };
    assert_eq!((building.id.as_str(), building.lod), ("b1", Some(2.0)));
    assert_eq!(building.attributes["name"], "Hall & tower");
    assert_eq!(building.attributes["owner"], "town");
    assert_eq!(building.attributes["measuredHeight"], 6.5);
    let roles: Vec<Role> = building.surfaces.iter().map(|surface| surface.role).collect();
    assert_eq!(roles, [Role::Roof, Role::Wall]);
    assert_eq!((part.parent.as_deref(), part.surfaces.len()), (Some("b1"), 1));
    let fix = city.fix().unwrap();
    assert!((fix.wgs84[0] - 8.4).abs() < 0.1 && (fix.wgs84[1] - 49.01).abs() < 0.1);
    assert_eq!(city.crs().unwrap().vertical().unwrap().name(), "DHHN92 height (EPSG:5783)");
    // Without the part, which has no coarse shape; what is inside is never drawn.
    let text = text.replace("consistsOfBuildingPart", "interiorRoom");
    let coarse = read(text.as_bytes(), None, lod::Wanted::new(Some(1.0))).unwrap();
    assert_eq!(coarse.objects.len(), 1);
    assert_eq!((coarse.objects[0].surfaces.len(), coarse.objects[0].solid), (3, true));
}

#[test]
fn hostile_and_broken_texts_are_refused_or_reported() {
    let laughs =
        "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><CityModel>&b;</CityModel>";
    let deep = format!("<CityModel>{}", "<a>".repeat(100_000));
    for (text, part) in [
        (laughs, "document type"),
        (&deep, "nest deeper"),
        ("<CityModel>", "ends within"),
        ("<CityModel></Other>", "at byte"),
        ("<html/>", "no CityModel"),
        ("<CityModel/>", "no city objects"),
        ("", "no CityModel"),
    ] {
        let error = read(text.as_bytes(), None, lod::Wanted::default()).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    let odd = format!(
        "{HEAD}<bldg:Building><bldg:lod1Solid><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>1 2 NaN 4</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></bldg:lod1Solid></bldg:Building></CityModel>"
    );
    let city = read(odd.as_bytes(), None, lod::Wanted::default()).unwrap();
    assert!(city.objects[0].surfaces.is_empty());
    assert!(city.notes.iter().any(|note| note.reason.contains("no numbers by threes")));
}

fn city(text: &str) -> City {
    let text = format!("{HEAD}{text}</CityModel>");
    read(text.as_bytes(), None, lod::Wanted::default()).unwrap()
}

fn object<'a>(city: &'a City, id: &str) -> &'a Object {
    city.objects.iter().find(|object| object.id == id).unwrap()
}

fn said(city: &City) -> Vec<&str> {
    city.notes.iter().map(|note| note.reason.as_str()).collect()
}

/// A box of 10 by 8 by 6 m as polygons named `{name}0` and so on, looking outwards.
fn faces(name: &str) -> Vec<String> {
    let c: Vec<[f64; 3]> = (0..8)
        .map(|i| {
            let [x, y] = [[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [0.0, 8.0]][i % 4];
            at(x, y, if i < 4 { 0.0 } else { 6.0 })
        })
        .collect();
    let faces =
        [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]];
    faces
        .iter()
        .enumerate()
        .map(|(n, face)| {
            polygon(&face.map(|i| c[i]))
                .replace("<gml:Polygon>", &format!("<gml:Polygon gml:id=\"{name}{n}\">"))
        })
        .collect()
}

fn link(id: &str) -> String {
    format!("<gml:surfaceMember xlink:href=\"{id}\"/>")
}

fn solid(members: &str) -> String {
    format!(
        "<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{members}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid>"
    )
}

#[test]
fn surfaces_borrowed_by_name_are_drawn_where_they_are_missing_and_only_there() {
    let own: String = faces("a")
        .iter()
        .map(|face| format!("<bldg:boundedBy><bldg:WallSurface><bldg:lod2MultiSurface><gml:MultiSurface>{face}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:WallSurface></bldg:boundedBy>"))
        .collect();
    let links: String = (0..6).map(|n| link(&format!("#a{n}"))).collect();
    // Named before it is there; a part that lends from its whole; a neighbour that lends
    // all but one, that one seen from its other side; names that lead nowhere.
    let turned = "<gml:surfaceMember><gml:OrientableSurface orientation=\"-\"><gml:baseSurface xlink:href=\"#a5\"/></gml:OrientableSurface></gml:surfaceMember>";
    let some: String = (0..5).map(|n| link(&format!("#a{n}"))).collect();
    let text = format!(
        "<cityObjectMember><bldg:Building gml:id=\"a\">{}{own}<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id=\"part\">{}</bldg:BuildingPart></bldg:consistsOfBuildingPart></bldg:Building></cityObjectMember><cityObjectMember><bldg:Building gml:id=\"b\">{}</bldg:Building></cityObjectMember>",
        solid(&links),
        solid(&links),
        solid(&(some + turned)),
    );
    let ring: String = ["#ring", "#nobody", "other.gml#a1"].map(link).concat();
    let text = text
        + &format!(
            "<cityObjectMember><bldg:Building gml:id=\"c\"><bldg:lod1MultiSurface xlink:href=\"#ring\"/><bldg:lod1MultiSurface><gml:MultiSurface gml:id=\"ring\">{ring}</gml:MultiSurface></bldg:lod1MultiSurface></bldg:Building></cityObjectMember>"
        );
    let city = city(&text);
    let (a, b) = (object(&city, "a"), object(&city, "b"));
    assert_eq!((a.surfaces.len(), a.solid), (6, true), "its own surfaces enclose it");
    assert_eq!(object(&city, "part").surfaces.len(), 0, "drawn by the whole");
    assert_eq!((b.surfaces.len(), b.solid), (6, true));
    assert!(b.surfaces.iter().all(|surface| surface.role == Role::Wall));
    let last = |object: &Object| object.surfaces[5].rings[0].clone();
    let mut reversed = last(b);
    reversed.reverse();
    assert_eq!(last(a), reversed);
    assert!(object(&city, "c").surfaces.is_empty());
    let said = said(&city);
    for part in ["by a name that is not in the file", "from other files"] {
        assert!(said.iter().any(|reason| reason.contains(part)), "{part}: {said:?}");
    }
}

#[test]
fn names_that_multiply_come_to_an_end() {
    // Twelve levels of ten names each would be a million million surfaces.
    let mut text = polygon(&[at(0.0, 0.0, 0.0), at(9.0, 0.0, 0.0), at(9.0, 9.0, 0.0)]);
    text = format!("<gml:MultiSurface gml:id=\"m0\">{text}</gml:MultiSurface>");
    for level in 1..12 {
        let links = link(&format!("#m{}", level - 1)).repeat(10);
        text += &format!("<gml:MultiSurface gml:id=\"m{level}\">{links}</gml:MultiSurface>");
    }
    let text = format!(
        "<bldg:Building gml:id=\"a\"><bldg:lod1MultiSurface>{text}</bldg:lod1MultiSurface></bldg:Building>"
    );
    let city = city(&text);
    assert_eq!(object(&city, "a").surfaces.len(), 1, "the same surface is drawn once");
}

#[test]
fn prototypes_are_drawn_at_their_places_in_both_versions() {
    let place = |x: f64, y: f64| {
        let [x, y, z] = at(x, y, 0.0);
        format!(
            "<core:referencePoint><gml:Point><gml:pos>{x} {y} {z}</gml:pos></gml:Point></core:referencePoint>"
        )
    };
    let leaf = polygon(&[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]);
    // Twice the size, turned by a quarter and 3 m up.
    let matrix =
        "<core:transformationMatrix>0 -2 0 0 2 0 0 0 0 0 2 3 0 0 0 1</core:transformationMatrix>";
    let thing = |id: &str, version: u8, inside: &str| {
        let (class, level) = match version {
            2 => ("veg:SolitaryVegetationObject", "veg:lod2ImplicitRepresentation"),
            _ => ("frn:CityFurniture", "core:lod2ImplicitRepresentation"),
        };
        format!(
            "<cityObjectMember><{class} gml:id=\"{id}\"><{level}><core:ImplicitGeometry>{inside}</core:ImplicitGeometry></{level}></{class}></cityObjectMember>"
        )
    };
    let here = |tag: &str| {
        format!(
            "<core:{tag}><gml:MultiSurface gml:id=\"leaf\">{leaf}</gml:MultiSurface></core:{tag}>"
        )
    };
    let text = [
        thing(
            "before",
            2,
            &format!("<core:relativeGMLGeometry xlink:href=\"#leaf\"/>{}", place(5.0, 0.0)),
        ),
        thing("tree", 2, &format!("{matrix}{}{}", here("relativeGMLGeometry"), place(0.0, 0.0))),
        thing(
            "lamp",
            3,
            &format!("{matrix}<core:relativeGeometry xlink:href=\"#leaf\"/>{}", place(9.0, 9.0)),
        ),
        thing(
            "file",
            2,
            &format!("<core:libraryObject>tree.obj</core:libraryObject>{}", place(0.0, 0.0)),
        ),
        thing("lost", 2, &here("relativeGMLGeometry")),
        thing(
            "odd",
            2,
            &format!(
                "<core:transformationMatrix>1 2</core:transformationMatrix>{}{}",
                here("relativeGMLGeometry"),
                place(0.0, 0.0)
            ),
        ),
    ]
    .concat();
    let city = city(&text);
    let corners = |id: &str| -> Vec<[f64; 3]> {
        let surfaces = &object(&city, id).surfaces;
        assert_eq!(surfaces.len(), 1, "{id}");
        surfaces[0].rings[0].iter().map(|&i| city.vertices[i as usize]).take(3).collect()
    };
    assert_eq!(corners("before"), [at(5.0, 0.0, 0.0), at(6.0, 0.0, 0.0), at(5.0, 0.0, 2.0)]);
    assert_eq!(corners("tree"), [at(0.0, 0.0, 3.0), at(0.0, 2.0, 3.0), at(0.0, 0.0, 7.0)]);
    assert_eq!(corners("lamp"), [at(9.0, 9.0, 3.0), at(9.0, 11.0, 3.0), at(9.0, 9.0, 7.0)]);
    for id in ["file", "lost", "odd"] {
        assert!(object(&city, id).surfaces.is_empty(), "{id}");
    }
    let said = said(&city);
    for part in
        ["1 things are drawn by a file of their own", "2 prototypes have no reference point"]
    {
        assert!(said.iter().any(|reason| reason.contains(part)), "{part}: {said:?}");
    }
}

#[test]
fn footprints_and_edges_of_roofs_are_drawn_up() {
    let plan =
        |z: f64| polygon(&[at(0.0, 0.0, z), at(0.0, 8.0, z), at(10.0, 8.0, z), at(10.0, 0.0, z)]);
    let lod0 = |name: &str, z: f64| {
        format!("<bldg:{name}><gml:MultiSurface>{}</gml:MultiSurface></bldg:{name}>", plan(z))
    };
    let building = |id: &str, inside: &str| {
        format!(
            "<cityObjectMember><bldg:Building gml:id=\"{id}\">{inside}</bldg:Building></cityObjectMember>"
        )
    };
    let text = [
        building("measured", &format!("<bldg:measuredHeight uom=\"m\">7.5</bldg:measuredHeight>{}{}", lod0("lod0FootPrint", 1.0), lod0("lod0RoofEdge", 6.0))),
        building("edges", &format!("{}{}", lod0("lod0FootPrint", 1.0), lod0("lod0RoofEdge", 6.0))),
        building("roof", &format!("<con:height><con:Height><con:value uom=\"m\">4</con:value></con:Height></con:height>{}", lod0("lod0RoofEdge", 6.0))),
        building("storeys", &format!("<bldg:storeysAboveGround>2</bldg:storeysAboveGround>{}", lod0("lod0FootPrint", 0.0))),
        building("unknown", &lod0("lod0FootPrint", 0.0)),
        building("lines", &format!("<bldg:lod1TerrainIntersection><gml:MultiCurve/></bldg:lod1TerrainIntersection>{}", lod0("lod0FootPrint", 0.0).replace("lod0FootPrint", "lod1MultiSurface"))),
    ]
    .concat();
    let city = city(&text);
    let range = |id: &str| {
        let used =
            object(&city, id).surfaces.iter().flat_map(|surface| surface.rings.iter().flatten());
        let heights = used.map(|&i| city.vertices[i as usize][2] - 110.0);
        heights.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], z| [low.min(z), high.max(z)])
    };
    for (id, low, high) in
        [("measured", 1.0, 8.5), ("edges", 1.0, 6.0), ("roof", 2.0, 6.0), ("storeys", 0.0, 6.0)]
    {
        assert_eq!(range(id), [low, high], "{id}");
        let object = object(&city, id);
        assert_eq!((object.surfaces.len(), object.solid), (6, true), "{id}");
    }
    assert!(object(&city, "unknown").surfaces.is_empty());
    assert_eq!(object(&city, "lines").surfaces.len(), 1, "better than level 0 is left as it is");
    let said = said(&city);
    for part in [
        "2 buildings have only a footprint or the edge of their roof (LoD 0): drawn up by their measured height",
        "1 buildings have only a footprint or the edge of their roof (LoD 0): drawn up by the height",
        "1 buildings have only a footprint or the edge of their roof (LoD 0): drawn up by 3 m",
        "neither measuredHeight nor storeysAboveGround",
        "1 × lod1TerrainIntersection is not drawn",
    ] {
        assert!(said.iter().any(|reason| reason.contains(part)), "{part}: {said:?}");
    }
}

#[test]
fn what_no_one_knows_is_an_object_all_the_same() {
    let text = "<cityObjectMember><x:Windmill gml:id=\"w\"><x:lod2MultiSurface><gml:MultiSurface>"
        .to_owned()
        + &polygon(&[at(0.0, 0.0, 0.0), at(9.0, 0.0, 0.0), at(9.0, 0.0, 9.0)])
        + "</gml:MultiSurface></x:lod2MultiSurface></x:Windmill></cityObjectMember><cityObjectMember><bldg:Building gml:id=\"b\"><bldg:interiorRoom/><bldg:interiorRoom/></bldg:Building></cityObjectMember>";
    let city = city(&text);
    assert_eq!(object(&city, "w").surfaces.len(), 1);
    assert!(said(&city).contains(&"2 × interiorRoom is not read"));
}
