// Streams all meshes of IFC files through web-ifc and prints what came of it.
// Runs in the folder that holds node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { IfcAPI, LogLevel } = createRequire(`${process.cwd()}/`)("web-ifc");
const api = new IfcAPI();
await api.Init();
api.SetLogLevel(LogLevel.LOG_LEVEL_OFF);
let elements = 0;
let triangles = 0;
for (const path of process.argv.slice(2)) {
  const model = api.OpenModel(readFileSync(path));
  api.StreamAllMeshes(model, (mesh) => {
    elements += 1;
    for (let n = 0; n < mesh.geometries.size(); n += 1) {
      const geometry = api.GetGeometry(model, mesh.geometries.get(n).geometryExpressID);
      const vertices = api.GetVertexArray(geometry.GetVertexData(), geometry.GetVertexDataSize());
      const indices = api.GetIndexArray(geometry.GetIndexData(), geometry.GetIndexDataSize());
      if (vertices.length > 0) triangles += indices.length / 3;
      geometry.delete();
    }
  });
  api.CloseModel(model);
}
console.log(JSON.stringify({ elements, triangles }));
