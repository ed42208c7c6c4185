"""`watch`, `measure`, `cover`, `convert`: films, cameras and others' tracks, in one process."""
