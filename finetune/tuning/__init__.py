"""Tuning for verse: a model writes, its verse is judged, and it learns from that."""
