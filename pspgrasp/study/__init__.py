"""Why the pyramid helps, and whether: many networks on the same batches, seed by seed, and a page of answers."""
