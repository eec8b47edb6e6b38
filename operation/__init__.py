"""How the server is run: its rounds, its command line, its demo."""
