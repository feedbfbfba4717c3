"""Pure decisions: facts in, verdict or plan out. No I/O, no async, no clock."""
