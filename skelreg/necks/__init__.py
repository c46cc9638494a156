"""Maps from vectors to vectors: projectors, translation layers, classifiers."""
