"""Stage 5: a checkpoint writes songs."""
