"""The pictures of docs/steps.md: taxi trips before and after a step of each family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl

mpl.use("Agg")
from matplotlib import pyplot as plt

from genspark.pipeline import Pipeline
from genspark.steps import Bucketize, Encode, Impute, Outliers, Scale, Transform

BEFORE, AFTER, LOST = "#8a8f98", "#d1495b", "#edae49"
KEY = ["pickup", "dropoff", "total"]


def draw(taxis: str, folder: Path) -> None:
    """Write steps-<kind>.png for each family."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
    trips = pl.read_csv(taxis).with_columns(pl.col("distance", "fare", "tip", "total", "tolls").cast(pl.Float64))
    for kind, picture in {
        "impute": imputed,
        "outliers": outlying,
        "scale": scaled,
        "transform": transformed,
        "encode": encoded,
    }.items():
        figure = picture(trips)
        figure.tight_layout()
        figure.savefig(folder / f"steps-{kind}.png", metadata={"Software": None})
        plt.close(figure)


def after(trips: pl.DataFrame, *steps: Any) -> pl.DataFrame:
    """The trips after these steps, fitted on them."""
    return Pipeline(list(steps), key=KEY).fit(trips).transform(trips)


def imputed(trips: pl.DataFrame) -> Any:
    """A tenth of the fares erased, and what three strategies put in their place."""
    random = np.random.default_rng(7)
    erased = pl.Series(random.random(trips.height) < 0.1)
    holes = trips.with_columns(pl.when(~erased).then(pl.col("fare")).alias("fare"))
    others = ["fare", "distance", "tip", "total"]
    strategies = {
        "mean": Impute("fare"),
        "mean by borough": Impute("fare", by="pickup_borough"),
        "model": Impute(others, strategy="model"),
    }
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True)
    truth = trips.filter(erased)["fare"].to_numpy()
    for axis, (name, step) in zip(axes, strategies.items(), strict=True):
        filled = after(holes, step).filter(erased)["fare"].to_numpy()
        error = np.sqrt(np.mean((filled - truth) ** 2))
        axis.scatter(truth, filled, s=6, alpha=0.5, color=AFTER)
        axis.plot([0, 80], [0, 80], color=BEFORE, linewidth=1)
        axis.set(title=f"{name}: RMSE {error:.2f} $", xlabel="the fare that was erased, $", xlim=(0, 80), ylim=(0, 80))
    axes[0].set_ylabel("what was put there, $")
    return figure


def outlying(trips: pl.DataFrame) -> Any:
    """Which trips four methods flag."""
    columns = ["distance", "fare"]
    steps = {
        "zscore": Outliers(columns, action="flag"),
        "iqr": Outliers(columns, method="iqr", action="flag"),
        "mahalanobis": Outliers(columns, method="mahalanobis", action="flag"),
        "kmeans": Outliers(columns, method="kmeans", action="flag"),
    }
    figure, axes = plt.subplots(1, 4, figsize=(11, 3), sharey=True)
    for axis, (name, step) in zip(axes, steps.items(), strict=True):
        out = after(trips, step)
        flags = pl.any_horizontal(pl.col("^.*is_outlier$"))
        kept, found = out.filter(~flags), out.filter(flags)
        axis.scatter(kept["distance"], kept["fare"], s=5, color=BEFORE, alpha=0.4)
        axis.scatter(found["distance"], found["fare"], s=8, color=AFTER)
        axis.set(title=f"{name}: {found.height} of {out.height}", xlabel="distance, miles")
    axes[0].set_ylabel("fare, $")
    return figure


def scaled(trips: pl.DataFrame) -> Any:
    """Fares before, and after each method."""
    methods = [("standard", {}), ("minmax", {}), ("robust", {}), ("maxabs", {}), ("quantile", {"output": "normal"})]
    figure, axes = plt.subplots(1, 6, figsize=(13, 2.6))
    histogram(axes[0], trips["fare"], "before, $", BEFORE)
    for axis, (method, more) in zip(axes[1:], methods, strict=True):
        histogram(axis, after(trips, Scale("fare", method=method, **more))["fare"], method, AFTER)
    return figure


def transformed(trips: pl.DataFrame) -> Any:
    """Distances before, and after each function."""
    functions = ["log1p", "sqrt", "cbrt", "box-cox", "yeo-johnson"]
    figure, axes = plt.subplots(1, 6, figsize=(13, 2.6))
    positive = trips.filter(pl.col("distance") > 0)
    histogram(axes[0], positive["distance"], "before, miles", BEFORE)
    for axis, function in zip(axes[1:], functions, strict=True):
        histogram(axis, after(positive, Transform("distance", function=function))["distance"], function, AFTER)
    return figure


def encoded(trips: pl.DataFrame) -> Any:
    """Payment and borough as numbers, distances as buckets."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3))
    bars(axes[0], trips["pickup_borough"].fill_null("null"), "before", BEFORE)
    bars(axes[1], after(trips, Encode("pickup_borough", method="index"))["pickup_borough"], "encode: index", AFTER)
    bars(axes[2], after(trips, Bucketize("distance", buckets=5))["distance"].sort(), "bucketize distance: 5", LOST)
    return figure


def histogram(axis: Any, values: pl.Series, title: str, color: str) -> None:
    """One distribution."""
    axis.hist(values.drop_nulls().to_numpy(), bins=40, color=color)
    axis.set(title=title, yticks=[])
    axis.spines["left"].set_visible(False)


def bars(axis: Any, values: pl.Series, title: str, color: str) -> None:
    """How often each value occurs."""
    counts = (
        values.cast(pl.String).fill_null("null").to_frame("value").group_by("value", maintain_order=True).len("count")
    )
    counts = counts if values.flags["SORTED_ASC"] else counts.sort("count", descending=True)
    axis.bar(counts[counts.columns[0]].to_list(), counts["count"].to_list(), color=color)
    axis.set(title=title)
    axis.tick_params(axis="x", labelrotation=30)
