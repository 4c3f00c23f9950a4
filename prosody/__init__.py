"""Verse: how many syllables a line has, and what it rhymes with. Strings in, dataclasses out."""

from prosody.rhyming import Rhyme, analyse, rhyme, scheme

__all__ = ["Rhyme", "analyse", "rhyme", "scheme"]
