"""A challenge of Stanch's own: a page on which the visitor's device does a little work."""
