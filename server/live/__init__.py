"""The live server: ASGI, connections, the host and its thread, and the record of what happens."""
