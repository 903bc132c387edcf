"""How a network learns: samples by number, the loss, the run on Lightning, and what it leaves behind."""
