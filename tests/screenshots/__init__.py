"""Screenshots: every page and state of the dashboard at five widths, light and dark, to be looked at by people."""
