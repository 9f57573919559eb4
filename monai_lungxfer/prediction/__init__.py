"""From radiographs to masks, tables and overlays: the only inference core and what stands around it."""
