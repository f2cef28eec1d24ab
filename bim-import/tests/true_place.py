"""Where things of a scene should stand, by pyproj and osmium, against where they do.

Usage: true_place.py MODELS SCENE IFC REFERENCE

Reads coordinates from the files themselves, takes them to longitude and latitude and on
to the scene's east, north, up with PROJ, and prints one JSON line for each source:
{"file", "compared", "worst_m", "worst_id"}.
"""

import json
import math
import re
import sys
from pathlib import Path

import osmium
import pyproj

pyproj.network.set_network_enabled(False)
ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


class Scene:
    def __init__(self, folder):
        info = json.loads((folder / "scene.json").read_text())
        self.lon, self.lat, self.height = info["origin"]["wgs84"]
        self.origin = ECEF.transform(self.lon, self.lat, self.height)
        lines = (folder / "entities.ndjson").read_text().splitlines()
        self.entities = {e["id"]: e for e in map(json.loads, lines)}

    def local(self, lon, lat, height):
        x, y, z = (a - b for a, b in zip(ECEF.transform(lon, lat, height), self.origin))
        lam, phi = math.radians(self.lon), math.radians(self.lat)
        sl, cl, sp, cp = math.sin(lam), math.cos(lam), math.sin(phi), math.cos(phi)
        return (
            -sl * x + cl * y,
            -sp * cl * x - sp * sl * y + cp * z,
            cp * cl * x + cp * sl * y + sp * z,
        )

    def center(self, entity):
        box = self.entities[entity]["bbox"]
        return [(box[i] + box[i + 3]) / 2 for i in range(3)]


def middle(points):
    return [(min(p[i] for p in points) + max(p[i] for p in points)) / 2 for i in range(3)]


def numbers(lists):
    return [n for item in lists for n in numbers(item)] if isinstance(lists, list) else [lists]


def city(scene, path, code):
    to_wgs84 = pyproj.Transformer.from_crs(f"EPSG:{code}", "EPSG:4326", always_xy=True)
    model = json.loads(path.read_text())
    scale, move = model["transform"]["scale"], model["transform"]["translate"]
    for name, thing in model["CityObjects"].items():
        used = {n for g in thing.get("geometry", []) for n in numbers(g["boundaries"])}
        if not used:
            continue
        points = []
        for n in used:
            x, y, z = (v * s + t for v, s, t in zip(model["vertices"][n], scale, move))
            points.append(scene.local(*to_wgs84.transform(x, y), z))
        yield name, middle(points), scene.center(name)


def ifc(scene, path, reference):
    text = path.read_text(errors="replace")
    conversion = re.search(r"IFCMAPCONVERSION\(([^)]*)\)", text).group(1).split(",")
    code, unit = re.search(r"IFCPROJECTEDCRS\('EPSG:(\d+)'.*?(#\d+)\);", text).groups()
    millimetres = re.search(rf"^{unit}\s*=.*MILLI", text, re.M)
    # One shared file says metres over millimetres; no map is that wide.
    metres = 0.001 if millimetres or float(conversion[3]) > 1e8 else 1.0
    east, north, up = (float(n) * metres for n in conversion[2:5])
    cos, sin = float(conversion[5]), float(conversion[6])
    to_wgs84 = pyproj.Transformer.from_crs(f"EPSG:{code}", "EPSG:4326", always_xy=True)
    for row in reference.read_text().splitlines()[1:]:
        columns = row.split("\t")
        entity, box = columns[0], [float(n) for n in columns[3:9]]
        if not scene.entities.get(entity, {}).get("bbox"):
            continue
        points = []
        for n in range(8):
            x, y, z = (box[i + 3 * (n >> i & 1)] for i in range(3))
            place = (east + cos * x - sin * y, north + sin * x + cos * y)
            points.append(scene.local(*to_wgs84.transform(*place), up + z))
        yield entity, middle(points), scene.center(entity)


class Points(osmium.SimpleHandler):
    def __init__(self):
        super().__init__()
        self.found = {}

    def node(self, node):
        if "emergency" in node.tags or node.tags.get("man_made") == "surveillance":
            self.found[f"node:{node.id}"] = (node.location.lon, node.location.lat)


def osm(scene, path):
    points = Points()
    points.apply_file(str(path))
    for name, (lon, lat) in points.found.items():
        if scene.entities.get(name, {}).get("bbox"):
            # The middle of a marker, which is 3.4 m high.
            yield name, scene.local(lon, lat, 1.7), scene.center(name)


def report(file, pairs):
    compared, worst, worst_id = 0, 0.0, None
    for name, should, does in pairs:
        off = math.dist(should, does)
        compared += 1
        if off > worst:
            worst, worst_id = off, name
    print(json.dumps({"file": file, "compared": compared, "worst_m": worst, "worst_id": worst_id}))


def main():
    models, folder, ifc_file, reference = map(Path, sys.argv[1:5])
    scene = Scene(folder)
    gis = models / "gis"
    report("delft", city(scene, gis / "delft.city.json", 28992))
    report("zurich", city(scene, gis / "zurich_subset_lod2.city.json", 2056))
    report("ifc", ifc(scene, ifc_file, reference))
    report("monaco", osm(scene, gis / "monaco.osm.pbf"))


main()
