// EXT_mesh_features and EXT_structural_metadata: the rules that gltf-validator does not know.

const ORDER = ["opaque", "glass", "space", "ground", "edge", "space_edge"];

/** Checks a tile's features and returns how many rows its property table has. */
export function checkFeatures(glb, fail) {
  const { json } = glb;
  const metadata = json.extensions?.EXT_structural_metadata;
  if (!metadata) {
    fail("has no EXT_structural_metadata");
    return 0;
  }
  const [table] = metadata.propertyTables;
  if (metadata.propertyTables.length !== 1) fail("has more than one property table");
  for (const name of ["EXT_mesh_features", "EXT_structural_metadata", "KHR_mesh_quantization"]) {
    if (!json.extensionsUsed.includes(name)) fail(`does not declare ${name}`);
  }
  const columns = checkTable(glb, metadata.schema, table, fail);
  if (new Set(columns.entity).size !== table.count) fail("an entity has two rows");
  const names = json.nodes.map((node) => json.materials[json.meshes[node.mesh].primitives[0].material].name);
  const expected = ORDER.filter((name) => names.includes(name));
  if (names.join() !== expected.join()) fail(`primitives stand in the order ${names}`);
  for (const mesh of json.meshes) checkPrimitive(glb, mesh.primitives[0], table.count, fail);
  return table.count;
}

function checkPrimitive(glb, primitive, rows, fail) {
  const feature = primitive.extensions?.EXT_mesh_features?.featureIds?.[0];
  const index = primitive.attributes._FEATURE_ID_0;
  if (!feature || index === undefined) {
    fail("a primitive has no feature ids");
    return;
  }
  const accessor = glb.json.accessors[index];
  if (accessor.type !== "SCALAR" || accessor.normalized) fail("feature ids are no plain scalars");
  const ids = new Set();
  for (const [id] of glb.items(index)) ids.add(id);
  if (ids.size !== feature.featureCount) fail(`featureCount is ${feature.featureCount} for ${ids.size} ids`);
  if (Math.max(...ids) >= rows) fail("a feature id points past the property table");
  if (feature.attribute !== 0 || feature.propertyTable !== 0) fail("feature ids name another table");
  for (const [corner] of glb.items(primitive.indices)) {
    if (corner >= accessor.count) fail("an index points past the vertices");
  }
}

/** Checks the columns of strings and returns them. */
function checkTable(glb, schema, table, fail) {
  const { properties } = schema.classes[table.class];
  const columns = {};
  for (const [name, property] of Object.entries(properties)) {
    const column = table.properties[name];
    if (!column) {
      if (property.required) fail(`the column ${name} is missing`);
      continue;
    }
    const { values, stringOffsets, stringOffsetType } = column;
    if (property.type !== "STRING" || stringOffsetType !== "UINT32") fail(`${name} is no column of strings`);
    for (const view of [values, stringOffsets]) {
      if (glb.json.bufferViews[view].byteOffset % 8 !== 0) fail(`${name} is not aligned to 8 bytes`);
    }
    columns[name] = strings(glb, values, stringOffsets, table.count, (what) => fail(`${name} ${what}`));
  }
  for (const name of Object.keys(table.properties)) {
    if (!properties[name]) fail(`the column ${name} is not in the class`);
  }
  return columns;
}

function strings(glb, values, stringOffsets, count, fail) {
  const bytes = glb.view(values);
  const offsets = glb.view(stringOffsets);
  const at = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength);
  if (offsets.byteLength !== (count + 1) * 4) fail("has the wrong number of offsets");
  if (at.getUint32(count * 4, true) !== bytes.byteLength) fail("has bytes that no offset reaches");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return Array.from({ length: count }, (_, n) => {
    const [from, to] = [at.getUint32(n * 4, true), at.getUint32(n * 4 + 4, true)];
    if (from > to) fail("has offsets that fall");
    return decoder.decode(bytes.subarray(from, to));
  });
}
