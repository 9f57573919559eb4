"""Annotations as drawing tools export them: CVAT, Label Studio, COCO, Darwin, 3D Slicer, and DICOM SEG."""
