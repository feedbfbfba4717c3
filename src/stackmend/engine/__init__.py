"""Journal, runs, resume, pause, undo. Knows no OpenStack."""
