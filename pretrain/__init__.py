"""Stages 2 and 3: a corpus becomes tokens, tokens become a checkpoint."""
