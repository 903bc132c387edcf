"""Networks for other runtimes: made, checked against torch, and written only if they pass."""
