"""The simulated venue in another process: the pattern for every networked broker."""
