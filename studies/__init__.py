"""Small studies of known problems, cell beside cell: ``python -m studies adding``."""
