"""The parts of the report on a model."""
