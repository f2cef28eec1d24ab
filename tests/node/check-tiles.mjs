// Checks a tileset with tools that are not ours, and against the rules they leave out.
//
//   node check-tiles.mjs TILESET_FOLDER
//
// TWIN_NODE_TOOLS names the folder whose node_modules hold what package.json pins. Prints
// one JSON object; exit status 1 when `errors` is not empty.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL, fileURLToPath } from "node:url";

import { checkFeatures, eachCopiedVertex } from "./features.mjs";
import { Glb } from "./glb.mjs";

const tools = process.env.TWIN_NODE_TOOLS;
if (!tools) {
  console.error("TWIN_NODE_TOOLS names no folder with node_modules");
  process.exit(2);
}
const require = createRequire(join(tools, "package.json"));
const { validateBytes } = require("gltf-validator");
const Ajv = require("ajv/dist/2020").default;
const { TilesetTraverser, TilesetSources, VertexProcessing } = await import(
  pathToFileURL(require.resolve("3d-tiles-tools")).href
);

const folder = process.argv[2];
const errors = [];
const counts = { tiles: 0, contents: 0, vertices: 0, copied: 0, features: 0, warnings: 0 };
const fail = (where, what) => errors.push(`${where}: ${what}`);

const tileset = JSON.parse(readFileSync(join(folder, "tileset.json"), "utf8"));
checkSchema();
if (errors.length === 0) {
  await checkTile(tileset.root, "root", []);
  if (tileset.geometricError < tileset.root.geometricError) {
    fail("tileset.json", "geometricError is below that of the root");
  }
  await readWithTools();
}
console.log(JSON.stringify({ ...counts, errors: errors.slice(0, 50) }));
process.exit(errors.length === 0 ? 0 : 1);

function checkSchema() {
  const file = fileURLToPath(new URL("tileset-1.1.schema.json", import.meta.url));
  const validate = new Ajv({ allErrors: true }).compile(JSON.parse(readFileSync(file, "utf8")));
  if (!validate(tileset)) {
    for (const { instancePath, message } of validate.errors) fail("tileset.json", `${instancePath} ${message}`);
  }
}

/** Checks a tile, its content and all below; `around` holds the boxes that must contain it. */
async function checkTile(tile, path, around) {
  counts.tiles += 1;
  const boxes = [...around, [path, tile.boundingVolume.box]];
  if (tile.content) {
    await checkContent(tile.content.uri, boxes);
  }
  for (const [n, child] of (tile.children ?? []).entries()) {
    const at = `${path}/children/${n}`;
    if (child.geometricError > tile.geometricError) fail(at, "geometricError exceeds the parent's");
    if (child.transform) fail(at, "only the root carries a transform");
    await checkTile(child, at, boxes);
  }
}

async function checkContent(uri, boxes) {
  counts.contents += 1;
  const bytes = new Uint8Array(readFileSync(join(folder, uri)));
  const report = await validateBytes(bytes, { uri, maxIssues: 50 });
  counts.warnings += report.issues.numWarnings;
  for (const issue of report.issues.messages) {
    if (issue.severity === 0) fail(uri, `${issue.code} ${issue.pointer ?? ""} ${issue.message}`);
  }
  // The validator knows no copies and names accessors at best: our rules say what is wrong in
  // any case. But what it found may be why they cannot read on, and then it has said enough.
  try {
    const glb = new Glb(bytes);
    counts.features += checkFeatures(glb, (what) => fail(uri, what));
    await checkPlaces(uri, glb, bytes, boxes);
  } catch (error) {
    if (report.issues.numErrors === 0) fail(uri, `cannot be read: ${error.message}`);
  }
}

/** Reads the vertices as 3D Tiles readers do, z up, and looks for them in every box. */
async function checkPlaces(uri, glb, bytes, boxes) {
  const outside = new Map();
  const visit = ([x, y, z]) => {
    counts.vertices += 1;
    for (const [path, [cx, cy, cz, dx, , , , dy, , , , dz]] of boxes) {
      const off = [Math.abs(x - cx) - dx, Math.abs(y - cy) - dy, Math.abs(z - cz) - dz];
      // Turned round, so that what is no number is in no box.
      if (!off.every((metres) => metres <= 1e-5)) {
        outside.set(path, (outside.get(path) ?? 0) + 1);
      }
    }
  };
  // 3d-tiles-tools reads each vertex of a shape once, at the tile's zero; its copies are ours.
  await VertexProcessing.fromContent(uri, Buffer.from(bytes), async () => undefined, true, visit);
  const before = counts.vertices;
  eachCopiedVertex(glb, visit);
  counts.copied += counts.vertices - before;
  for (const [path, count] of outside) fail(uri, `${count} vertices outside the box of ${path}`);
}

/** Walks the tileset with 3d-tiles-tools; it must find every tile and content that we found. */
async function readWithTools() {
  const source = await TilesetSources.createAndOpen(join(folder, "tileset.json"));
  const seen = { tiles: 0, contents: 0 };
  const resolver = { resolveUri: (uri) => uri, resolveData: (uri) => source.getValue(uri), derive: () => resolver };
  await new TilesetTraverser(".", resolver, { depthFirst: true }).traverse(tileset, async (tile) => {
    seen.tiles += 1;
    for (const content of tile.getRawContents?.() ?? tile.getFinalContents()) {
      if (await source.getValue(content.uri)) seen.contents += 1;
      else fail(content.uri, "3d-tiles-tools does not find it");
    }
    return true;
  });
  await source.close();
  if (seen.tiles !== counts.tiles || seen.contents !== counts.contents) {
    fail("tileset.json", `3d-tiles-tools reads ${JSON.stringify(seen)} of ${JSON.stringify(counts)}`);
  }
}
