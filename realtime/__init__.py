"""Who is connected, in what state, and who is told. No Tornado, no Motor, no clock of its own."""
