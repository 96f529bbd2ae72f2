"""Many clients at once, and clients that misbehave: ``python -m tests.load``.

``test_load.py`` is the short form of it.

"""
