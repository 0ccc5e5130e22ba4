"""Rendering of a scene: camera, light, rasterisation, shading, exposure."""
