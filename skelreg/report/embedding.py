"""Features as points in the plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize


def plane(features: Tensor) -> tuple[NDArray[np.float32], str]:
    """Put similar features near each other in two dimensions; similar means cosine, as for kNN.

    Returns:
        The points and the method: 't-SNE', or 'PCA' where scikit-learn is not installed or the
        features are too few for neighbourhoods.
    Shape:
        features: (B, D); points: (B, 2).
    """
    x = normalize(features.float(), dim=1).numpy()
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return _principal_components(x), 'PCA'
    perplexity = min(30.0, (len(x) - 1) / 3)
    if perplexity < 5:
        return _principal_components(x), 'PCA'
    points = TSNE(init='pca', perplexity=perplexity, random_state=0).fit_transform(x)
    return points.astype(np.float32), 't-SNE'


def _principal_components(x: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = x - x.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
