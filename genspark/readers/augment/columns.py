"""The columns of a batch as an epoch's view shows them: series cut, noise added, tokens hidden, rows mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genspark.errors import DataError
from genspark.readers.augment import values_with_numpy as by
from genspark.readers.augment.views import Augmentation, Integers, Numbers
from genspark.readers.dense import Values

PARTNER = "\0partner"
"""At the end of the hidden names of columns that hold the partners' values."""
LAMBDA = "_mixup_lambda"
"""The column of a batch with the share that each row has of itself, where rows are mixed."""


@dataclass(frozen=True)
class Partners:
    """Where in its row group each row's partner is in an epoch, and which columns are wanted of it."""

    augmentation: Augmentation
    row_id: str
    epoch: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Those to mix, labels, and the id, which tells the partner's own view."""
        told = self.augmentation.mixup or {}
        return tuple(dict.fromkeys([*told["columns"], *told.get("labels", ()), self.row_id]))

    def places(self, row_ids: Values, places: Integers, rows: int) -> Integers:
        """Their places, by the ids and places of the rows, in a group of so many."""
        return self.augmentation.partners(np.ascontiguousarray(row_ids), self.epoch, places, rows)


@dataclass(frozen=True)
class Shown:
    """What an augmentation makes of columns that are no images. `row_id` is the column of ids."""

    augmentation: Augmentation
    row_id: str

    def views(self, columns: Mapping[str, Values], view: int) -> dict[str, Values]:
        """Series cut, noise added and tokens hidden, in the columns that are there."""
        told, done = self.augmentation, dict(columns)
        ids = np.ascontiguousarray(columns[self.row_id])
        if told.time_crop:
            names = [name for name in told.time_crop["columns"] if name in done]
            self._cut(done, names, ids, view)
        for number, name in enumerate((told.gaussian_noise or {}).get("columns", ())):
            if name in done:
                done[name] = _noised(done[name], *told.noise(ids, view, number), name)
        if told.token_masking and (name := told.token_masking["column"]) in done:
            done[name], done[f"{name}_targets"] = self._masked(done[name], ids, view, name)
        return done

    def mixed(self, columns: Mapping[str, Values], partners: Mapping[str, Values], view: int) -> dict[str, Values]:
        """Rows mixed with their partners, labels of these beside, and lambda."""
        told, done = self.augmentation.mixup or {}, dict(columns)
        lambdas = self.augmentation.lambdas(np.ascontiguousarray(columns[self.row_id]), view)
        for name in (name for name in told["columns"] if name in done):
            one, other = done[name], partners[name]
            if one.dtype == object or other.dtype == object or one.shape != other.shape:
                raise DataError(
                    f"column {name!r}: rows of several lengths or sizes, or without a value, cannot be mixed; "
                    "cut them to one by time_crop or random_crop, or leave the column out of mixup"
                )
            done[name] = by.mixed(one, other, lambdas)
        for name in (name for name in told.get("labels", ()) if name in done):
            done[f"{name}_partner"] = partners[name]
        return {**done, LAMBDA: lambdas}

    def _cut(self, columns: dict[str, Values], names: Sequence[str], ids: Integers, view: int) -> None:
        size = (self.augmentation.time_crop or {})["size"]
        lengths = {name: _lengths(columns[name]) for name in names}
        for name in names:
            if (lengths[name] != lengths[names[0]]).any():
                raise DataError(
                    f"column {name!r}: series are not as long as those of {names[0]!r}, beside which time_crop cuts "
                    "them; leave one of them out by `columns`"
                )
            values = columns[name]
            starts = self.augmentation.stretches(ids, view, lengths[name])
            if values.dtype != object:
                columns[name] = by.time_cropped(values, starts, size)
                continue
            found = np.empty(len(values), object)
            for place, (value, start) in enumerate(zip(values, starts, strict=True)):
                found[place] = None if value is None else by.time_cropped(value[None], np.array([start]), size)[0]
            columns[name] = found if any(value is None for value in found) else np.stack(list(found))

    def _masked(self, values: Values, ids: Integers, view: int, name: str) -> tuple[Values, Values]:
        told = self.augmentation.token_masking or {}
        seeds, rates = self.augmentation.masks(ids, view)
        given = told["mask_id"], told.get("keep", ())
        if values.dtype != object:
            return by.masked(values, seeds, rates, *given)
        flat, rows, places, lengths = _flat(values, name)
        hidden, targets = by.masked_at(flat, seeds[rows], rates[rows], places, *given)
        return _ragged(hidden, values, lengths), _ragged(targets, values, lengths)


def _noised(values: Values, seeds: Integers, scales: Numbers, name: str) -> Values:
    if values.dtype != object:
        return by.noised(values, seeds, scales)
    flat, rows, places, lengths = _flat(values, name)
    return _ragged(by.noised_at(flat, seeds[rows], scales[rows], places), values, lengths)


def _lengths(values: Values) -> Integers:
    """The length of each row's array, 0 for null."""
    if values.dtype != object:
        return np.full(len(values), values.shape[1])
    return np.array([0 if value is None else len(value) for value in values], np.int64)


def _flat(values: Values, name: str) -> tuple[Values, Integers, Integers, Integers]:
    """The elements of arrays of several lengths one after the other, with their rows and places, and the lengths."""
    lengths = _lengths(values)
    there = [value for value in values if value is not None]
    flat = np.concatenate(there) if there else np.empty(0)
    if flat.dtype == object:
        raise DataError(f"column {name!r}: arrays of arrays are augmented where all are of one size; cut them to one")
    rows = np.repeat(np.arange(len(values)), lengths)
    return flat, rows, np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths), lengths


def _ragged(flat: Values, values: Values, lengths: Integers) -> Values:
    found = np.empty(len(values), object)
    for place, one in enumerate(np.split(flat, np.cumsum(lengths)[:-1])):
        found[place] = None if values[place] is None else one
    return found


def parted(columns: Mapping[str, Values]) -> tuple[dict[str, Values], dict[str, Values]]:
    """The columns of rows, and those of their partners."""
    own = {name: values for name, values in columns.items() if not name.endswith(PARTNER)}
    return own, {name.removesuffix(PARTNER): values for name, values in columns.items() if name.endswith(PARTNER)}
