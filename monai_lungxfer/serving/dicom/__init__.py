"""A DICOM node: radiographs come in by themselves, are segmented, and their results go out by themselves."""
