"""Measuring the engine's step beside the report's, written out literally, on the machine at hand."""
