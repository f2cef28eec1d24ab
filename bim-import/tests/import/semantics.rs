//! What is said of entities besides their geometry: values in SI units, materials,
//! classifications, types, and relations by entity id.

use serde_json::{Value, json};

use crate::support::{Folder, command, entities, json, model, stderr};

/// Two pipes, a pump, its sensor and a tank in one system, in a zone of one room; lengths
/// in millimetres, flow in litres a second.
const PLANT: &str = "ISO-10303-21;
HEADER;FILE_DESCRIPTION((''),'2;1');FILE_NAME('plant.ifc','2026-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('IFC4'));ENDSEC;
DATA;
#1=IFCPROJECT('0Project00000000000001',$,'P',$,$,$,$,$,#2);
#2=IFCUNITASSIGNMENT((#3,#4,#5,#6));
#3=IFCSIUNIT(*,.LENGTHUNIT.,.MILLI.,.METRE.);
#4=IFCDERIVEDUNIT((#7,#8),.VOLUMETRICFLOWRATEUNIT.,$,$);
#5=IFCSIUNIT(*,.THERMODYNAMICTEMPERATUREUNIT.,$,.KELVIN.);
#6=IFCSIUNIT(*,.TIMEUNIT.,$,.SECOND.);
#7=IFCDERIVEDUNITELEMENT(#9,1);
#8=IFCDERIVEDUNITELEMENT(#6,-1);
#9=IFCSIUNIT(*,.VOLUMEUNIT.,.DECI.,.CUBIC_METRE.);
#10=IFCBUILDING('0Building0000000000001',$,'B',$,$,$,$,$,.ELEMENT.,$,$,$);
#11=IFCBUILDINGSTOREY('0Storey000000000000001',$,'S',$,$,$,$,$,.ELEMENT.,3000.);
#12=IFCSPACE('0Space0000000000000001',$,'R1',$,$,$,$,$,.ELEMENT.,.INTERNAL.,$);
#13=IFCRELAGGREGATES('r1',$,$,$,#1,(#10));
#14=IFCRELAGGREGATES('r2',$,$,$,#10,(#11));
#15=IFCRELAGGREGATES('r3',$,$,$,#11,(#12));
#20=IFCPUMP('0Pump00000000000000001',$,'Pump',$,$,$,$,'PU1',.CIRCULATOR.);
#21=IFCPIPESEGMENT('0Pipe00000000000000001',$,'Pipe 1',$,$,$,$,$,$);
#22=IFCPIPESEGMENT('0Pipe00000000000000002',$,'Pipe 2',$,$,$,$,$,$);
#23=IFCTANK('0Tank00000000000000001',$,'Tank',$,$,$,$,$,$);
#24=IFCSENSOR('0Sensor000000000000001',$,'Flow',$,$,$,$,'FS1',.FLOWSENSOR.);
#25=IFCWALL('0Wall00000000000000001',$,'Wall',$,$,$,$,$,$);
#26=IFCFLOWTERMINAL('0Lamp00000000000000001',$,'Lamp',$,$,$,$,$);
#27=IFCLIGHTFIXTURETYPE('0LampType0000000000001',$,'LED 600',$,$,$,$,$,$,.DIRECTIONSOURCE.);
#28=IFCRELDEFINESBYTYPE('r4',$,$,$,(#26),#27);
#29=IFCRELCONTAINEDINSPATIALSTRUCTURE('r5',$,$,$,(#20,#21,#22,#23,#24,#25,#26),#11);
#30=IFCDISTRIBUTIONPORT('t1',$,$,$,$,$,$,.SOURCE.,.PIPE.,.HEATING.);
#31=IFCDISTRIBUTIONPORT('t2',$,$,$,$,$,$,.SINK.,.PIPE.,.HEATING.);
#32=IFCDISTRIBUTIONPORT('t3',$,$,$,$,$,$,.SOURCEANDSINK.,.PIPE.,.HEATING.);
#33=IFCDISTRIBUTIONPORT('t4',$,$,$,$,$,$,.SOURCEANDSINK.,.PIPE.,.HEATING.);
#34=IFCDISTRIBUTIONPORT('t5',$,$,$,$,$,$,$,.PIPE.,.HEATING.);
#35=IFCDISTRIBUTIONPORT('t6',$,$,$,$,$,$,.SINK.,.PIPE.,.HEATING.);
#36=IFCRELNESTS('r6',$,$,$,#20,(#30));
#37=IFCRELCONNECTSPORTTOELEMENT('r7',$,$,$,#31,#21);
#38=IFCRELNESTS('r8',$,$,$,#21,(#32));
#39=IFCRELNESTS('r9',$,$,$,#22,(#33,#34));
#40=IFCRELNESTS('ra',$,$,$,#23,(#35));
#41=IFCRELCONNECTSPORTS('rb',$,$,$,#30,#31,$);
#42=IFCRELCONNECTSPORTS('rc',$,$,$,#32,#33,$);
#43=IFCRELCONNECTSPORTS('rd',$,$,$,#35,#34,$);
#44=IFCRELFLOWCONTROLELEMENTS('re',$,$,$,(#24),#21);
#50=IFCDISTRIBUTIONSYSTEM('0System000000000000001',$,'Heating',$,$,'Hot water',.HEATING.);
#51=IFCRELASSIGNSTOGROUP('rf',$,$,$,(#20,#21,#22,#23),$,#50);
#52=IFCRELSERVICESBUILDINGS('rg',$,$,$,#50,(#10));
#53=IFCZONE('0Zone00000000000000001',$,'Fire 1',$,$,$);
#54=IFCRELASSIGNSTOGROUP('rh',$,$,$,(#12),$,#53);
#55=IFCRELASSIGNSTOGROUP('ri',$,$,$,(#53,#50),$,#53);
#60=IFCRELDEFINESBYPROPERTIES('rj',$,$,$,(#20),#61);
#61=IFCPROPERTYSET('s1',$,'Pset_Pump',$,(#62,#63,#64,#65,#66,#67,#68));
#62=IFCPROPERTYSINGLEVALUE('FlowRate',$,IFCVOLUMETRICFLOWRATEMEASURE(2.5),$);
#63=IFCPROPERTYBOUNDEDVALUE('Temperature',$,IFCTHERMODYNAMICTEMPERATUREMEASURE(363.15),IFCTHERMODYNAMICTEMPERATUREMEASURE(273.15),$,$);
#64=IFCPROPERTYENUMERATEDVALUE('Duty',$,(IFCLABEL('DUTY'),IFCLABEL('STANDBY')),$);
#65=IFCPROPERTYLISTVALUE('Sizes',$,(IFCPOSITIVELENGTHMEASURE(50.),IFCPOSITIVELENGTHMEASURE(65.)),$);
#66=IFCPROPERTYTABLEVALUE('Curve',$,(IFCVOLUMETRICFLOWRATEMEASURE(1.)),(IFCLENGTHMEASURE(4000.)),$,$,$,$);
#67=IFCCOMPLEXPROPERTY('Motor',$,'Motor',(#69,#67));
#68=IFCPROPERTYREFERENCEVALUE('Casing',$,$,#70);
#69=IFCPROPERTYSINGLEVALUE('Poles',$,IFCINTEGER(4),$);
#70=IFCMATERIAL('Cast iron',$,$);
#71=IFCMATERIAL('Brick',$,$);
#72=IFCMATERIALLAYER(#71,115.,$,'Outer',$,$,$);
#73=IFCMATERIALLAYER(#70,20.,$,$,$,$,$);
#74=IFCMATERIALLAYERSET((#72,#73),'Facade',$);
#75=IFCMATERIALLAYERSETUSAGE(#74,.AXIS2.,.POSITIVE.,0.,$);
#76=IFCRELASSOCIATESMATERIAL('rk',$,$,$,(#25),#75);
#80=IFCCLASSIFICATION('NBS','2015',$,'Uniclass',$,$,$);
#81=IFCCLASSIFICATIONREFERENCE($,'Pr_65','Pumps and tanks',#80,$,$);
#82=IFCCLASSIFICATIONREFERENCE($,'Pr_65_53','Pumps',#81,$,$);
#83=IFCRELASSOCIATESCLASSIFICATION('rl',$,$,$,(#20),#82);
#84=IFCRELSPACEBOUNDARY2NDLEVEL('rm',$,$,$,#12,#25,$,.PHYSICAL.,.INTERNAL.,$,$);
#90=IFCPROPERTYSET('s2',$,'Pset_SpaceOccupancyRequirements',$,(#91));
#91=IFCPROPERTYSINGLEVALUE('OccupancyNumber',$,IFCCOUNTMEASURE(4),$);
#92=IFCELEMENTQUANTITY('s3',$,'Qto_SpaceBaseQuantities',$,$,(#93));
#93=IFCQUANTITYAREA('NetFloorArea',$,$,24000000.,$);
#94=IFCRELDEFINESBYPROPERTIES('rn',$,$,$,(#12),#90);
#95=IFCRELDEFINESBYPROPERTIES('ro',$,$,$,(#12),#92);
#96=IFCPROPERTYSET('s4',$,'Material',$,(#97));
#97=IFCPROPERTYSINGLEVALUE('OccupancyNumber',$,IFCCOUNTMEASURE(99),$);
#98=IFCPROPERTYSET('s5',$,'Walking',$,(#99));
#99=IFCPROPERTYSINGLEVALUE('exit_distance_m',$,IFCREAL(7.),$);
#100=IFCRELDEFINESBYPROPERTIES('rp',$,$,$,(#12),#96);
#101=IFCRELDEFINESBYPROPERTIES('rq',$,$,$,(#12),#98);
#102=IFCPROPERTYSET('s6',$,'Relations',$,(#99));
#103=IFCRELDEFINESBYPROPERTIES('rr',$,$,$,(#20),#102);
ENDSEC;
END-ISO-10303-21;
";

#[test]
fn relations_values_and_materials_stand_at_their_entities() {
    let folder = Folder::new("semantics");
    let file = folder.write("plant.ifc", PLANT);
    let out = folder.path("scene");
    let output = command(&[file], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let entities = entities(&out);
    let relation = |id: &str, name: &str| entities[id]["properties"]["Relations"][name].clone();
    let (pump, pipe1, pipe2, tank) = (
        "0Pump00000000000000001",
        "0Pipe00000000000000001",
        "0Pipe00000000000000002",
        "0Tank00000000000000001",
    );
    assert_eq!(relation(pump, "feeds"), json!([pipe1]));
    assert_eq!(relation(pipe1, "fed_by"), json!([pump]));
    assert_eq!(relation(pipe1, "connected_to"), json!([pipe2]));
    assert_eq!(relation(pipe2, "feeds"), json!([tank]));
    assert_eq!(relation("0Sensor000000000000001", "controls"), json!([pipe1]));
    let (system, zone) = ("0System000000000000001", "0Zone00000000000000001");
    assert_eq!(relation(system, "members"), json!([pump, pipe1, pipe2, tank]));
    assert_eq!(relation(system, "serves"), json!(["0Building0000000000001"]));
    assert_eq!(relation(pump, "systems"), json!([system]));
    let (space, wall) = ("0Space0000000000000001", "0Wall00000000000000001");
    assert_eq!(relation(space, "zones"), json!([zone]));
    assert_eq!(relation(space, "bounded_by"), json!([wall]));
    assert_eq!(relation(wall, "bounds"), json!([space]));
    // A zone that holds itself is nobody's member.
    assert_eq!(relation(zone, "members"), json!([space, system]));

    let close = |value: &Value, expected: f64| {
        assert!((value.as_f64().unwrap() - expected).abs() < 1e-9, "{value} is not {expected}");
    };
    let set = &entities[pump]["properties"]["Pset_Pump"];
    close(&set["FlowRate"], 0.0025);
    close(&set["Temperature"]["upper"], 90.0);
    close(&set["Temperature"]["lower"], 0.0);
    assert!(set["Temperature"].get("set_point").is_none());
    assert_eq!(set["Duty"], json!(["DUTY", "STANDBY"]));
    close(&set["Sizes"][1], 0.065);
    close(&set["Curve"]["defining"][0], 0.001);
    close(&set["Curve"]["defined"][0], 4.0);
    assert_eq!(set["Motor"]["Poles"], 4);
    assert_eq!(set["Casing"], "Cast iron");
    assert_eq!(
        entities[pump]["properties"]["Classification"]["Uniclass"],
        json!({ "code": "Pr_65_53", "name": "Pumps" })
    );

    let material = &entities[wall]["properties"]["Material"];
    close(&material["thickness_m"], 0.135);
    assert_eq!(
        material["layers"],
        json!([
            { "material": "Brick", "name": "Outer", "thickness_m": 0.115 },
            { "material": "Cast iron", "thickness_m": 0.02 },
        ])
    );
    let lamp = &entities["0Lamp00000000000000001"];
    assert_eq!(
        (&lamp["kind"], &lamp["ifc_class"]),
        (&json!("equipment"), &json!("IfcFlowTerminal"))
    );
    assert_eq!(lamp["properties"]["Type"]["class"], "IfcLightFixtureType");
    assert!(lamp["tags"].as_array().unwrap().contains(&json!("brick:Luminaire")));

    // A room without geometry is a place all the same.
    let graph = json(&out.join("graph.json"));
    assert_eq!(graph["spaces"][0]["area_m2"], 24.0);
    assert_eq!(graph["spaces"][0]["occupants"], 4.0);
    let walking = &entities[space]["properties"]["Walking"];
    assert_eq!(walking["area_per_person_m2"], 6.0);
    assert_eq!(walking["no_exit_because"], "it has no geometry, and no door names it");
    // Sets of the file that have the names of ours stand beside them.
    assert!(walking.get("exit_distance_m").is_none(), "{walking}");
    let sets = &entities[space]["properties"];
    assert_eq!(sets["Walking (Pset)"], json!({ "exit_distance_m": 7.0 }));
    assert_eq!(sets["Material (Pset)"]["OccupancyNumber"], 99);
    assert!(sets.get("Material").is_none());
    assert!(entities[pump]["properties"]["Relations"].get("exit_distance_m").is_none());
    assert_eq!(entities[pump]["properties"]["Relations (Pset)"]["exit_distance_m"], 7.0);
}

#[test]
fn a_real_door_tells_what_it_joins_and_a_real_wall_its_layers() {
    let Some(file) = model("duplex_a_2x3_georef") else { return };
    let folder = Folder::new("duplex");
    let out = folder.path("scene");
    let output = command(&[file], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let entities = entities(&out);
    let named = |kind: &str, name: &str| {
        let mut found = entities.values().filter(|e| e["kind"] == kind && e["name"] == name);
        found.next().unwrap().clone()
    };
    let bath = named("space", "A104");
    let doors = bath["properties"]["Walking"]["is_reached_by"].as_array().unwrap().clone();
    assert_eq!(doors.len(), 1);
    let door = &entities[doors[0].as_str().unwrap()]["properties"]["Walking"];
    assert_eq!(door["joins"], json!([bath["id"], named("space", "A101")["id"]]));
    assert_eq!((&door["is_exit"], &door["clear_width_m"]), (&json!(false), &json!(0.762)));
    assert_eq!(door["swing"], "SINGLE_SWING_LEFT");
    assert!(door.get("fire_rating").is_none(), "the file only repeats the property's name");
    let walls = entities.values().filter(|e| e["ifc_class"] == "IfcWallStandardCase");
    let layered = walls.filter(|wall| wall["properties"]["Material"]["layers"].is_array()).count();
    assert!(layered > 40, "{layered}");
}
