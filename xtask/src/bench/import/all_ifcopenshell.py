"""Tessellates every element of IFC files with IfcOpenShell and prints what came of it."""

import json
import sys

import ifcopenshell
import ifcopenshell.geom

KERNEL = "hybrid-cgal-simple-opencascade"
THREADS = 2

settings = ifcopenshell.geom.settings()
settings.set("use-world-coords", True)
elements = triangles = 0
for path in sys.argv[1:]:
    model = ifcopenshell.open(path)
    iterator = ifcopenshell.geom.iterator(settings, model, THREADS, geometry_library=KERNEL)
    more = iterator.initialize()
    while more:
        elements += 1
        triangles += len(iterator.get().geometry.faces) // 3
        more = iterator.next()
print(json.dumps({"elements": elements, "triangles": triangles}))
