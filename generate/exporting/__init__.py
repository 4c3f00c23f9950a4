"""A checkpoint for other people's programs."""
