"""The exercises of lesson 4."""
