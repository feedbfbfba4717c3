"""Text, JSON, YAML, CSV and HTML: the only writers of output."""
