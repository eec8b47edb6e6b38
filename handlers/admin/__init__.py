"""The operators' dashboard: pages, actions and the socket behind them."""
