"""Bags of every format: connections, messages, and what is lost of them."""
