<?xml version="1.0" encoding="UTF-8"?>
<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:gen="http://www.opengis.net/citygml/generics/2.0">
<gml:name>t</gml:name>
<gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837" srsDimension="3"><gml:lowerCorner>458870 5438240 110</gml:lowerCorner></gml:Envelope></gml:boundedBy>
<core:cityObjectMember><bldg:Building gml:id="b"><gml:name>H &amp; <![CDATA[K]]></gml:name><bldg:measuredHeight uom="m">3.0</bldg:measuredHeight>
<gen:stringAttribute name="k"><gen:value>v</gen:value></gen:stringAttribute>
<bldg:boundedBy><bldg:WallSurface gml:id="w"><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon gml:id="p1"><gml:exterior><gml:LinearRing><gml:posList>458870 5438240 110 458880 5438240 110 458880 5438240 113 458870 5438240 113 458870 5438240 110</gml:posList></gml:LinearRing></gml:exterior><gml:interior><gml:LinearRing><gml:posList>458872 5438240 111 458873 5438240 111 458873 5438240 112 458872 5438240 111</gml:posList></gml:LinearRing></gml:interior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:WallSurface></bldg:boundedBy>
<bldg:lod1Solid><gml:Solid><gml:exterior><gml:CompositeSurface><gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:pos>458870 5438240 110</gml:pos><gml:pos>458880 5438240 110</gml:pos><gml:pos>458880 5438250 110</gml:pos><gml:pos>458870 5438240 110</gml:pos></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember><gml:surfaceMember xlink:href="#p1"/></gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod1Solid>
<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="c"><bldg:interiorRoom/></bldg:BuildingPart></bldg:consistsOfBuildingPart>
</bldg:Building></core:cityObjectMember>
<core:cityObjectMember><veg:SolitaryVegetationObject gml:id="t"><veg:lod1ImplicitRepresentation><core:ImplicitGeometry/></veg:lod1ImplicitRepresentation></veg:SolitaryVegetationObject></core:cityObjectMember>
<core:cityObjectMember><dem:ReliefFeature><dem:reliefComponent><dem:TINRelief><dem:tin><gml:TriangulatedSurface><gml:trianglePatches><gml:Triangle><gml:exterior><gml:LinearRing><gml:posList srsDimension="2">458870 5438240 458880 5438240 458880 5438250 458870 5438240</gml:posList></gml:LinearRing></gml:exterior></gml:Triangle></gml:trianglePatches></gml:TriangulatedSurface></dem:tin></dem:TINRelief></dem:reliefComponent></dem:ReliefFeature></core:cityObjectMember>
</core:CityModel>
