"""Frozen values that every layer speaks; imports nothing of ours but the error codes."""
