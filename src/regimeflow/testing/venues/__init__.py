"""Venues that speak a broker's real protocol on loopback, with faults on request."""
