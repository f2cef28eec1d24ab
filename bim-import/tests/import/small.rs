//! Small IFC files with one element, and what the import measures of it.

use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, command, json, stderr, step};

/// GlobalId of the element of [`file`].
pub(crate) const ELEMENT: &str = "1000000000000000000001";
/// GlobalId of the box that stands beside it, 1 by 2 by 3 m.
pub(crate) const BYSTANDER: &str = "2000000000000000000002";

/// A file in metres whose element is drawn by item `#30` of `body`; `#11` to `#16` are a
/// placement, a point, an object placement, up, and a placement and a point in the plane.
pub(crate) fn file(schema: &str, body: &str) -> String {
    let records = format!(
        "#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,(#10),#2);
#2=IFCUNITASSIGNMENT((#3,#4));
#3=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#4=IFCSIUNIT(*,.PLANEANGLEUNIT.,$,.RADIAN.);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#13=IFCLOCALPLACEMENT($,#11);
#14=IFCDIRECTION((0.,0.,1.));
#15=IFCAXIS2PLACEMENT2D(#16,$);
#16=IFCCARTESIANPOINT((0.,0.));
#20=IFCBUILDINGELEMENTPROXY('{ELEMENT}',$,'tested',$,$,#13,#21,$,$);
#21=IFCPRODUCTDEFINITIONSHAPE($,$,(#22));
#22=IFCSHAPEREPRESENTATION(#10,'Body','SolidModel',(#30));
#23=IFCBUILDINGELEMENTPROXY('{BYSTANDER}',$,'beside',$,$,#13,#24,$,$);
#24=IFCPRODUCTDEFINITIONSHAPE($,$,(#25));
#25=IFCSHAPEREPRESENTATION(#10,'Body','CSG',(#26));
#26=IFCBLOCK(#11,1.,2.,3.);
{body}"
    );
    step(schema, &records)
}

/// What came of a file: the measures of each element, and the source's report.
pub(crate) struct Outcome {
    pub(crate) measures: Vec<Value>,
    pub(crate) source: Value,
}

impl Outcome {
    /// The measures of one element.
    pub(crate) fn of(&self, global_id: &str) -> Option<&Value> {
        self.measures.iter().find(|measured| measured["global_id"] == global_id)
    }

    /// Lines of one list of the report about one element.
    pub(crate) fn said(&self, list: &str, global_id: &str) -> Vec<String> {
        let lines = self.source[list].as_array().unwrap().iter();
        lines
            .filter(|line| line["global_id"] == global_id)
            .map(|line| line["reason"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Imports a file by its text.
pub(crate) fn import(folder: &Folder, name: &str, text: &str) -> Outcome {
    let model = folder.write(&format!("{name}.ifc"), text);
    let (out, audit) = (folder.path(name), folder.path(&format!("{name}.ndjson")));
    let mut import = command(&[model], &out);
    let output = import.args(["--frame", "source", "--audit"]).arg(&audit).output().unwrap();
    assert!(output.status.success(), "{name}: {}", stderr(&output));
    Outcome {
        measures: lines(&audit),
        source: json(&out.join("report.json"))["sources"][0].clone(),
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
