"""What a source says becomes what corpus.json promises: one module per kind of rule, song.py ties them together."""
