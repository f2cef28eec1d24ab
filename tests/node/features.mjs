// EXT_mesh_features, EXT_instance_features, EXT_mesh_gpu_instancing and
// EXT_structural_metadata: the rules that gltf-validator does not know.

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
  const copies = json.nodes.filter((node) => instancing(node));
  checkDeclared(json, copies.length > 0, fail);
  checkOrder(json, json.nodes.filter((node) => !instancing(node)), fail);
  // The nodes of one shape stand at the same places, one behind the other.
  const places = (node) => JSON.stringify(instancing(node).attributes);
  for (const place of new Set(copies.map(places))) {
    checkOrder(json, copies.filter((node) => places(node) === place), fail);
  }
  const [single, copied] = [new Set(), new Set()];
  for (const node of json.nodes) {
    const [primitive] = json.meshes[node.mesh].primitives;
    const ids = instancing(node)
      ? checkCopies(glb, node, primitive, table.count, fail)
      : checkPrimitive(glb, primitive, table.count, fail);
    for (const id of ids) (instancing(node) ? copied : single).add(id);
  }
  if ([...copied].some((id) => single.has(id))) fail("an entity is written as a copy and by itself");
  return table.count;
}

const instancing = (node) => node.extensions?.EXT_mesh_gpu_instancing;

/** Who cannot draw copies must say so, not draw one of many. */
function checkDeclared({ extensionsUsed, extensionsRequired }, hasCopies, fail) {
  for (const name of ["EXT_mesh_gpu_instancing", "EXT_instance_features"]) {
    if (extensionsUsed.includes(name) !== hasCopies) fail(`declares ${name} wrongly`);
  }
  if (extensionsRequired.includes("EXT_mesh_gpu_instancing") !== hasCopies) {
    fail("does not require EXT_mesh_gpu_instancing where it has copies, and only there");
  }
}

function checkOrder(json, nodes, fail) {
  const names = nodes.map((node) => json.materials[json.meshes[node.mesh].primitives[0].material].name);
  const expected = ORDER.filter((name) => names.includes(name));
  if (names.join() !== expected.join()) fail(`primitives stand in the order ${names}`);
}

function checkPrimitive(glb, primitive, rows, fail) {
  const feature = primitive.extensions?.EXT_mesh_features?.featureIds?.[0];
  const index = primitive.attributes._FEATURE_ID_0;
  if (!feature || index === undefined) {
    fail("a primitive has no feature ids");
    return new Set();
  }
  checkCorners(glb, primitive, fail);
  return checkIds(glb, feature, index, rows, fail);
}

/** Checks where the copies of a mesh stand, and whose they are. */
function checkCopies(glb, node, primitive, rows, fail) {
  const { attributes } = instancing(node);
  const feature = node.extensions.EXT_instance_features?.featureIds?.[0];
  if (!feature || attributes._FEATURE_ID_0 === undefined) {
    fail("a node with copies has no feature ids");
    return new Set();
  }
  if (primitive.attributes._FEATURE_ID_0 !== undefined || primitive.extensions?.EXT_mesh_features) {
    fail("copies share vertices that belong to one feature");
  }
  const accessors = Object.entries(attributes).map(([name, index]) => [name, glb.json.accessors[index]]);
  const counts = new Set(accessors.map(([, { count }]) => count));
  if (counts.size !== 1) fail(`copies have ${[...counts]} values of different attributes`);
  const shapes = { TRANSLATION: "VEC3", ROTATION: "VEC4", _FEATURE_ID_0: "SCALAR" };
  for (const [name, { type, componentType }] of accessors) {
    const component = name === "_FEATURE_ID_0" ? 5123 : 5126;
    if (type !== shapes[name] || componentType !== component) fail(`${name} of copies is ${componentType} ${type}`);
  }
  for (const turn of glb.items(attributes.ROTATION)) {
    if (Math.abs(Math.hypot(...turn) - 1) > 1e-5) fail(`a copy is turned by ${turn}`);
  }
  for (const at of glb.items(attributes.TRANSLATION)) {
    if (!at.every(Number.isFinite)) fail(`a copy stands at ${at}`);
  }
  checkCorners(glb, primitive, fail);
  const ids = checkIds(glb, feature, attributes._FEATURE_ID_0, rows, fail);
  if (ids.size < 2 || ids.size !== [...counts][0]) fail(`${[...counts]} copies belong to ${ids.size} entities`);
  return ids;
}

function checkIds(glb, feature, index, rows, fail) {
  const accessor = glb.json.accessors[index];
  if (accessor.type !== "SCALAR" || accessor.normalized) fail("feature ids are no plain scalars");
  const ids = new Set();
  for (const [id] of glb.items(index)) ids.add(id);
  if (ids.size !== feature.featureCount) fail(`featureCount is ${feature.featureCount} for ${ids.size} ids`);
  if (Math.max(...ids) >= rows) fail("a feature id points past the property table");
  if (feature.attribute !== 0 || feature.propertyTable !== 0) fail("feature ids name another table");
  return ids;
}

function checkCorners(glb, primitive, fail) {
  const { count } = glb.json.accessors[primitive.attributes.POSITION];
  for (const [corner] of glb.items(primitive.indices)) {
    if (corner >= count) fail("an index points past the vertices");
  }
}

/** Visits every vertex of every copy, as a reader of the extension places it, z up. */
export function eachCopiedVertex(glb, visit) {
  const { json } = glb;
  for (const node of json.nodes.filter(instancing)) {
    const { attributes } = instancing(node);
    const positions = [...glb.items(json.meshes[node.mesh].primitives[0].attributes.POSITION)];
    const turns = [...glb.items(attributes.ROTATION)];
    for (const [copy, at] of [...glb.items(attributes.TRANSLATION)].entries()) {
      // Turns that are missing are an error of their own.
      if (!turns[copy]) break;
      for (const position of positions) {
        const turned = turn(position.map((x) => x / 65_535), turns[copy]);
        const [x, y, z] = turned.map((p, i) => node.translation[i] + node.scale[i] * (p + at[i]));
        visit([x, -z, y]);
      }
    }
  }
}

/** A vector turned by a unit quaternion. */
function turn(v, [x, y, z, w]) {
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const twice = cross([x, y, z], v).map((c) => 2 * c);
  const again = cross([x, y, z], twice);
  return v.map((c, i) => c + w * twice[i] + again[i]);
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
