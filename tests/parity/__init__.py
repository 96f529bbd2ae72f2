"""The same applications and clients under our server, uvicorn and daphne.

``cases.py`` says what each case does; ``outcomes.toml`` says what our server answers, where the
others answer otherwise, and why. A difference that is not in the table fails a test, and so does
an entry that is no longer true. ``python -m tests.parity`` writes ``differences.md``, the form for
people who deploy.

No case is judged by when something happens where a party can tell that it has: the client asks
over ``reports.py`` how far the application is, and the application may wait to be asked.

"""
