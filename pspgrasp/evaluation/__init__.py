"""How good a checkpoint is: the rectangle metric, folds, and GG-CNN's own protocol."""
