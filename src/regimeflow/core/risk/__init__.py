"""Risk: limits, controls, and the one gate that every order has to pass."""
