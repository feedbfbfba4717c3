"""Questions to the world that change nothing, one file a subject."""
