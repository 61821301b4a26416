"""Ports to the systems outside: one folder a port, `base.py` its contract, one module an adapter."""
