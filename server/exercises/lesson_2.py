"""The exercises of lesson 2."""
