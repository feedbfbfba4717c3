"""Which clouds and nodes there are, with which roles, and how to reach them."""
