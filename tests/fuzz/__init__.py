"""What nobody thought of: random bytes, random ASGI messages, random clients.

The examples are the same in every run, and few. ``COURSE_EXAMPLES=2000`` tries more, and others.

"""
