"""The documents: what they say of the API is so, and the server shows them."""
