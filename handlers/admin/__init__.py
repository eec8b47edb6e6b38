"""The operators' dashboard: its pages, its actions and its socket."""
