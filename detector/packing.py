"""The compiled packing of columns: which of a row's values and causes are known, and these alone.

A bit a row and column says that there is one; what the bits name follows in their order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.events import UNREAD
from detector.jit import allocating, compiled

READ = 255 - UNREAD
Bits = NDArray[np.uint8]


@allocating
def told_columns(
    order: NDArray[np.int64], values: NDArray[np.float64], causes: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:  # fmt: skip
    """A flag a column: some row of `order` tells it or why not; and how many values each tells."""
    flags = np.zeros(values.shape[1], np.uint8)
    counts = np.zeros(len(order), np.int64)
    for k in range(len(order)):
        row = order[k]
        for column in range(values.shape[1]):
            if not np.isnan(values[row, column]):
                flags[column] = 1
                counts[k] += 1
            elif causes[row, column] & READ:
                flags[column] = 1
    return flags, counts


@allocating
def packed_columns(
    order: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float64],
    causes: NDArray[np.uint8],
) -> tuple[Bits, NDArray[np.float64], Bits, NDArray[np.uint8]]:  # fmt: skip
    """Bits of the values, the values, bits of the causes, the causes, of some rows and columns."""
    cells = len(order) * len(columns)
    known, caused = np.zeros((cells + 7) >> 3, np.uint8), np.zeros((cells + 7) >> 3, np.uint8)
    told, why = np.empty(cells), np.empty(cells, np.uint8)
    cell, n_told, n_why = 0, 0, 0
    for row in order:
        for column in columns:
            value, cause = values[row, column], causes[row, column] & READ
            bit = np.uint8(1 << (cell & 7))
            if not np.isnan(value):
                known[cell >> 3] |= bit
                told[n_told] = value
                n_told += 1
            if cause:
                caused[cell >> 3] |= bit
                why[n_why] = cause
                n_why += 1
            cell += 1
    return known, told[:n_told], caused, why[:n_why]


@compiled
def unpack_columns(
    known: NDArray[np.uint8], told: NDArray[np.float64], caused: NDArray[np.uint8],
    why: NDArray[np.uint8], places: NDArray[np.int64], values: NDArray[np.float64],
    causes: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Write packed columns to these places of empty rows; -1 for one that has none."""
    cell, n_told, n_why = 0, 0, 0
    for row in range(len(values)):
        for place in places:
            if known[cell >> 3] >> (cell & 7) & 1:
                if place >= 0:
                    values[row, place] = told[n_told]
                n_told += 1
            if caused[cell >> 3] >> (cell & 7) & 1:
                if place >= 0:
                    causes[row, place] = why[n_why]
                n_why += 1
            cell += 1
