"""The door: who may look, the looks, the keys, and the only way out for footage."""
