"""Observers: folds over the journal that write what people and machines read."""
