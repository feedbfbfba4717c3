"""Single changes to the world: probe, decide, apply, verify, undo; one file a subject."""
