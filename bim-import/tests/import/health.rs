//! The page for people: whole in itself, in both languages, and with what is wrong in it.

use std::fs;

use crate::{
    small,
    support::{Folder, command, json, model, stderr},
};

const FILE: &str = "ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('','',(''),(''),'','','');
FILE_SCHEMA(('IFC4'));
ENDSEC;
DATA;
#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,$,#20);
#2=IFCBUILDING('0000000000000000000002',$,'<script>alert(1)</script>',$,$,$,$,'Haus & Hof',.ELEMENT.,$,$,$);
#3=IFCBUILDINGSTOREY('0000000000000000000003',$,'',$,$,$,$,$,.ELEMENT.,0.);
#4=IFCWALL('0000000000000000000003',$,'twice',$,$,$,$,'7',$);
#5=IFCWALL('0000000000000000000005',$,'bare wall',$,$,$,$,$,$);
#6=IFCSPACE('0000000000000000000006',$,'R1',$,$,$,$,$,.ELEMENT.,$,$);
#7=IFCRELAGGREGATES('r1',$,$,$,#1,(#2));
#8=IFCRELAGGREGATES('r2',$,$,$,#2,(#3));
#9=IFCRELAGGREGATES('r3',$,$,$,#3,(#6));
#10=IFCRELCONTAINEDINSPATIALSTRUCTURE('r4',$,$,$,(#4,#5),#3);
#20=IFCUNITASSIGNMENT((#21));
#21=IFCSIUNIT(*,.LENGTHUNIT.,.MILLI.,.METRE.);
ENDSEC;
END-ISO-10303-21;
";

#[test]
fn what_is_wrong_stands_on_the_page() {
    let folder = Folder::new("health");
    let file = folder.write("odd.ifc", FILE);
    let out = folder.path("scene");
    let output = command(&[file], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for words in [
        "没有名称的建筑、楼层与空间",
        "without a name",
        "GlobalIds used twice",
        "0000000000000000000003~2",
        "bare wall",
        "Spaces without boundaries",
        "<span lang=\"en\">1 of 1</span>",
        "<span lang=\"en\">mm</span>",
        "cannot meet other models",
        "Haus &amp; Hof",
        "&lt;script&gt;alert(1)",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<script>alert"), "a name became markup");
    for outside in ["http:", "https:", "url(", "<link", "src=\"/"] {
        assert!(!page.contains(outside), "the page asks for {outside}");
    }
}

#[test]
fn a_building_has_its_picture() {
    let Some(model) = model("duplex_a_2x3_georef") else { return };
    let folder = Folder::new("health-picture");
    let out = folder.path("scene");
    let output = command(&[model], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(page.matches("<img src=\"data:image/png;base64,").count(), 1);
    let place = &json(&out.join("scene.json"))["origin"]["wgs84"];
    let latitude = place[1].as_f64().unwrap().abs();
    assert!(page.contains(&format!("{latitude:.5}°")), "where on earth: {place}");
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}

#[test]
fn what_lies_out_of_sight_is_named() {
    let folder = Folder::new("health-far");
    // A square of 10 m in each of two zones, a quarter of the earth apart.
    let lot = |name: &str, epsg: u32| {
        let text = serde_json::json!({
            "type": "CityJSON", "version": "2.0",
            "metadata": {"referenceSystem": format!("https://www.opengis.net/def/crs/EPSG/0/{epsg}")},
            "transform": {"scale": [1.0, 1.0, 1.0], "translate": [500_000.0, 5_400_000.0, 0.0]},
            "vertices": [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]],
            "CityObjects": {name: {"type": "Road", "geometry": [
                {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2, 3]]]}]}},
        });
        folder.write(&format!("{name}.city.json"), text.to_string())
    };
    let out = folder.path("scene");
    let files = [lot("here", 32_632), lot("elsewhere", 32_650)];
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        json(&out.join("report.json"))["tiles"]["undrawn"],
        serde_json::json!(["elsewhere"])
    );
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for words in ["1 element is missing", "缺失 1 个构件", "<code>elsewhere</code>"] {
        assert!(page.contains(words), "{words}");
    }
    // What is missing is not listed a second time.
    assert!(!page.contains("Elements read but not to be seen"));
}

#[test]
fn a_building_says_its_file_and_what_in_it_is_drawn_how() {
    let folder = Folder::new("health-parts");
    // An assembly that is drawn by its part, and a wall of which nothing is drawn.
    let north = small::file(
        "IFC4",
        "#30=IFCBLOCK(#11,1.,1.,1.);
#50=IFCBUILDING('3000000000000000000001',$,'Hall',$,$,$,$,$,.ELEMENT.,$,$,$);
#51=IFCRELAGGREGATES('r1',$,$,$,#1,(#50));
#52=IFCRELCONTAINEDINSPATIALSTRUCTURE('r2',$,$,$,(#23,#53,#54),#50);
#53=IFCELEMENTASSEMBLY('3000000000000000000002',$,'truss',$,$,$,$,$,$,$);
#54=IFCWALL('3000000000000000000003',$,'bare wall',$,$,$,$,$,$);
#55=IFCRELAGGREGATES('r3',$,$,$,#53,(#20));",
    );
    let south = north
        .replace("'0000", "'0100")
        .replace("'1000", "'1100")
        .replace("'2000", "'2100")
        .replace("'3000", "'3100")
        .replace("'P'", "'Q'")
        .replace("'Hall'", "'Barn'");
    let files = [("north", north), ("south", south)].map(|(name, text)| {
        fs::create_dir(folder.path(name)).unwrap();
        folder.write(&format!("{name}/building.ifc"), text)
    });
    let out = folder.path("scene");
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for words in [
        "<p class=\"sub\">north/building.ifc · south/building.ifc</p>",
        "<p class=\"file\">north/building.ifc</p>",
        "<p class=\"file\">south/building.ifc</p>",
        "4 elements, 1 of them drawn by their parts, 1 without geometry",
        "4 个构件，其中 1 个由其部件画出，1 个没有几何",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let alone = folder.path("alone");
    assert!(command(&files[..1], &alone).status().unwrap().success());
    let page = fs::read_to_string(alone.join("report.html")).unwrap();
    assert!(!page.contains("<p class=\"file\">"), "there is one file only");
}
