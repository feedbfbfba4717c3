"""The operations guide's procedures: compositions of actions that yield plans."""
