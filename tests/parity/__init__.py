"""The same applications and clients under our server, uvicorn and daphne.

``cases.py`` says what each case does and what our server answers; ``differences.toml`` says where
the others answer otherwise, and why. A difference that is not in the table fails a test, and so
does an entry that is no longer true. ``python -m tests.parity`` writes ``differences.md``, the
form for people who deploy.

"""
