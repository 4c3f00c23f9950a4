"""Somebody's large model, adapted: the base stays where it is, the folder holds what was learnt on top (LoRA)."""
