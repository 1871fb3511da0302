"""Connected components of a graph whose edges come in batches: no list of all edges is ever held."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int64]


class Components:
    """Labels of nodes: of nodes that are connected the same, the smallest of them.

    Source: Y. Shiloach, U. Vishkin, "An O(log n) parallel connectivity algorithm", 1982: hooking and pointer jumping.
    """

    def __init__(self, number: int) -> None:
        self.labels: Nodes = np.arange(number)

    def apart(self, a: Nodes, b: Nodes) -> npt.NDArray[np.bool_]:
        """Whether each pair is not connected yet."""
        return np.asarray(self.labels[a] != self.labels[b])

    def join(self, a: Nodes, b: Nodes) -> None:
        """Connect each of `a` with that of `b` at the same place."""
        while True:
            one, other = self.labels[a], self.labels[b]
            differ = one != other
            if not differ.any():
                return
            one, other = one[differ], other[differ]
            np.minimum.at(self.labels, np.maximum(one, other), np.minimum(one, other))
            self._flatten()

    def _flatten(self) -> None:
        while True:
            next_labels = self.labels[self.labels]
            if np.array_equal(next_labels, self.labels):
                return
            self.labels = next_labels
