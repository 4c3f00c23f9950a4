"""Stage 1: a source becomes corpus.json."""
