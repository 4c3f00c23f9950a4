"""Stage 4: a checkpoint becomes one artist's checkpoint."""
