"""One module a command group: parse, call, render."""
