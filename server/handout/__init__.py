"""Handouts: lessons as single pages to print, to hand out and to open without a network."""
