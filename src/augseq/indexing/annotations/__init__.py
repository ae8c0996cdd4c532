"""Annotation files: boxes, polygons and key points in the formats COCO, VOC and YOLO."""
