"""What a notebook calls: ``launch()``, the live server that it returns, and ``%%browser`` cells.

The output of a browser cell holds a frame that the live server itself serves
(:mod:`server.notebook.runs`), and, for readers without a kernel, what a browser showed when the
lesson was made (:mod:`server.notebook.recordings`).

"""
