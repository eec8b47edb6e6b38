"""How the server is run: the command line, the background tasks, the demo."""
