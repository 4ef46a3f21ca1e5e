"""``python -m recurra lm``: language models from the command line."""
