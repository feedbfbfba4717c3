"""A real OpenStack cloud in a box, the faults to inject into it, and its instances."""
