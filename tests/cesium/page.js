// CesiumJS with nothing but a tileset: no globe, no imagery, no Ion, no network.
//
// What the test calls returns promises; the driver waits for them.

const failures = [];
window.addEventListener("error", (event) => failures.push(String(event.message)));
window.addEventListener("unhandledrejection", (event) => failures.push(String(event.reason)));

const widget = new Cesium.CesiumWidget("view", {
  baseLayer: false,
  globe: false,
  skyBox: false,
  skyAtmosphere: false,
  creditContainer: "credits",
  showRenderLoopErrors: false,
});
const scene = widget.scene;
scene.backgroundColor = Cesium.Color.fromCssColorString("#ff00ff");
scene.renderError.addEventListener((_, error) => failures.push(String(error)));
let tileset;

// Shows a tileset; what a tile could not load ends up in the failures.
window.openTileset = async (url) => {
  scene.primitives.removeAll();
  tileset = await Cesium.Cesium3DTileset.fromUrl(url, { maximumScreenSpaceError: 1 });
  tileset.tileFailed.addEventListener(({ url, message }) => failures.push(`${url}: ${message}`));
  const shown = new Promise((resolve) => tileset.initialTilesLoaded.addEventListener(resolve));
  scene.primitives.add(tileset);
  widget.camera.viewBoundingSphere(tileset.boundingSphere);
  widget.camera.lookAtTransform(Cesium.Matrix4.IDENTITY);
  await shown;
  return { version: tileset.asset.version };
};

// The frame a place is given in: east, north, up at a longitude, latitude and height, or
// with none the tileset's own coordinates.
const frameAt = (wgs84) =>
  wgs84
    ? Cesium.Transforms.eastNorthUpToFixedFrame(Cesium.Cartesian3.fromDegrees(...wgs84))
    : Cesium.Matrix4.IDENTITY;

// Looks from one place to another, both in a frame, and tells what is in the middle.
window.pickAlong = async (wgs84, from, to) => {
  const frame = frameAt(wgs84);
  const place = (at) => Cesium.Matrix4.multiplyByPoint(
    frame, new Cesium.Cartesian3(...at), new Cesium.Cartesian3());
  const direction = Cesium.Cartesian3.normalize(
    Cesium.Cartesian3.subtract(place(to), place(from), new Cesium.Cartesian3()),
    new Cesium.Cartesian3());
  // North is up where one looks straight down; anywhere else the sky is.
  const vertical = Math.hypot(to[0] - from[0], to[1] - from[1]) < 1e-6;
  const up = Cesium.Matrix4.multiplyByPointAsVector(
    frame, vertical ? Cesium.Cartesian3.UNIT_Y : Cesium.Cartesian3.UNIT_Z, new Cesium.Cartesian3());
  const right = Cesium.Cartesian3.cross(direction, up, new Cesium.Cartesian3());
  Cesium.Cartesian3.cross(right, direction, up);
  Cesium.Cartesian3.normalize(up, up);
  widget.camera.setView({ destination: place(from), orientation: { direction, up } });
  await settled();
  const middle = new Cesium.Cartesian2(
    Math.floor(scene.canvas.clientWidth / 2), Math.floor(scene.canvas.clientHeight / 2));
  const feature = scene.pick(middle);
  const position = scene.pickPosition(middle);
  const inverse = Cesium.Matrix4.inverseTransformation(frame, new Cesium.Matrix4());
  const local = position && Cesium.Matrix4.multiplyByPoint(
    inverse, position, new Cesium.Cartesian3());
  const onEarth = position && wgs84 && Cesium.Cartographic.fromCartesian(position);
  return {
    entity: feature?.getProperty?.("entity") ?? null,
    storey: feature?.getProperty?.("storey") ?? null,
    kind: feature?.getProperty?.("kind") ?? null,
    properties: feature?.getPropertyIds?.() ?? [],
    local: local && [local.x, local.y, local.z],
    wgs84: onEarth && [
      Cesium.Math.toDegrees(onEarth.longitude),
      Cesium.Math.toDegrees(onEarth.latitude),
      onEarth.height,
    ],
    failures,
  };
};

// A few frames in which every tile that is wanted is there.
async function settled() {
  for (let quiet = 0; quiet < 3; ) {
    await new Promise((resolve) => {
      const remove = scene.postRender.addEventListener(() => { remove(); resolve(); });
    });
    quiet = tileset.tilesLoaded ? quiet + 1 : 0;
  }
}

window.pageReady = true;
