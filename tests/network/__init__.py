"""The client against the real server, over networks that are as bad as networks get."""
