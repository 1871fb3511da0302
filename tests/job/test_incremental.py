"""A fit from the statistics of each file: what is scanned again, and that the model is that of a full fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from genspark import JobConfig, PipelineModel, job
from genspark.cli import main
from genspark.errors import ModelError, PlanError, SinkError, SourceError
from genspark.job import states
from genspark.job.runners.polars import PolarsRunner
from genspark.job.update import UpdateReport, merged
from genspark.pipeline.lineage import origin
from genspark.pipeline.passes import FitPass, Opening, Stage
from genspark.statistics import Moments, Quantiles, Statistic
from genspark.steps import Impute, Outliers, Transform

STEPS = """[
    impute: {columns: v, strategy: mean},
    impute: {name: words, columns: g, strategy: mode},
    scale: {columns: w, method: minmax},
]"""
AFTER_CLIPPING = "[outliers: {columns: [v, w], threshold: 2, action: 'null'}, scale: {columns: [v, w]}]"


def rows(seed: int, size: int = 500) -> pl.DataFrame:
    """Rows of numbers far from zero, some of which are missing, and of words."""
    random = np.random.default_rng(seed)
    v = pl.Series("v", random.normal(1e6, 3, size))
    return pl.DataFrame(
        {
            "id": np.arange(size) + seed * size,
            "v": v.set(pl.Series(random.random(size) < 0.1), None),
            "w": random.exponential(size=size),
            "g": random.choice(["x", "y", "z"], size, p=[0.5, 0.3, 0.2]),
        }
    )


def write(folder: Path, *seeds: int) -> None:
    folder.mkdir(exist_ok=True)
    for seed in seeds:
        rows(seed).write_parquet(folder / f"{seed}.parquet", row_group_size=100)


def config(place: Path, steps: str = STEPS, engine: str = "polars", more: str = "", kind: str = "parquet") -> JobConfig:
    return JobConfig.from_text(
        f"name: small\nengine: {engine}\nkey: [id]\nsteps: {steps}\n"
        f"source: {{path: {place}/in, format: {kind}, split_size: 1}}\n"
        f"sink: {{path: {place}/table, mode: overwrite}}\n{more}"
    )


def files(report: UpdateReport) -> tuple[int, int, int]:
    return report.scanned, report.reused, report.gone


def table(place: Path) -> pl.DataFrame:
    return pl.read_delta(f"{place}/table/_genspark/model_statistics")


def version(place: Path) -> int:
    return DeltaTable(f"{place}/table/_genspark/model_statistics").version()


def assert_same(one: PipelineModel, other: PipelineModel, within: float = 1e-12) -> None:
    changes = one.diff(other)
    assert [change for change in changes if change.relative is None] == []
    assert max((abs(change.relative or 0.0) for change in changes), default=0.0) <= within


@pytest.fixture(params=["polars", "tasks", "spark", pytest.param("spark-polars", marks=pytest.mark.exhaustive)])
def engine(request: pytest.FixtureRequest, start: Callable[[str], str]) -> str:
    return start(request.param)


# What is scanned


@pytest.mark.connect("engine")
def test_only_what_is_new_or_changed_is_scanned_and_what_is_gone_is_dropped(engine: str, tmp_path: Path) -> None:
    write(tmp_path / "in", 0, 1, 2)
    assert files(job.fit_update(config(tmp_path, engine=engine))) == (3, 0, 0)
    assert files(job.fit_update(config(tmp_path, engine=engine))) == (0, 3, 0)
    write(tmp_path / "in", 3)
    assert files(job.fit_update(config(tmp_path, engine=engine))) == (1, 3, 0)
    (tmp_path / "in/0.parquet").unlink()
    rows(9, size=700).write_parquet(tmp_path / "in/1.parquet")
    report = job.fit_update(config(tmp_path, engine=engine))
    assert files(report) == (1, 2, 1)
    assert table(tmp_path).n_unique("file") == 3
    assert_same(report.model, job.fit(config(tmp_path, engine=engine)))


def test_files_that_are_known_are_not_read(engine: str, tmp_path: Path) -> None:
    write(tmp_path / "in", 0, 1)
    job.fit_update(config(tmp_path, engine=engine))
    for path in (tmp_path / "in").iterdir():
        spoil(path)
    write(tmp_path / "in", 2)
    assert files(job.fit_update(config(tmp_path, engine=engine))) == (1, 2, 0)


def spoil(path: Path) -> None:
    """Break the first pages of a file, and leave its size, its time and its footer as they are."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(4)
        file.write(bytes(1000))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_of_the_same_size_that_was_written_again_is_scanned(tmp_path: Path) -> None:
    write(tmp_path / "in", 0, 1)
    job.fit_update(config(tmp_path))
    os.utime(tmp_path / "in/1.parquet", (1_000_000_000, 1_000_000_000))
    assert files(job.fit_update(config(tmp_path))) == (1, 1, 0)


def test_files_of_no_rows_and_of_none_that_count_are_kept_too(engine: str, tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    rows(1).clear().write_parquet(tmp_path / "in/1.parquet")
    rows(2).with_columns(g=pl.lit("other")).write_parquet(tmp_path / "in/2.parquet")
    only_x = config(tmp_path, engine=engine, more="fit_on: {g: x}")
    assert files(job.fit_update(only_x)) == (3, 0, 0)
    report = job.fit_update(only_x)
    assert files(report) == (0, 3, 0)
    of_x = rows(0).filter(pl.col("g") == "x")["v"]
    assert report.model.parameters[0]["values"]["v"] == pytest.approx(of_x.mean(), rel=1e-12)


def test_states_of_one_engine_serve_another(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows(0).write_csv(tmp_path / "in/a b%c.csv")
    rows(1).write_csv(tmp_path / "in/ö.csv")
    made = [files(job.fit_update(config(tmp_path, engine=e, kind="csv"))) for e in ("polars", "spark", "spark-polars")]
    assert made == [(2, 0, 0), (0, 2, 0), (0, 2, 0)]


def test_a_delta_table_is_known_by_its_data_files(tmp_path: Path) -> None:
    write_deltalake(f"{tmp_path}/in", rows(0))
    assert files(job.fit_update(config(tmp_path, kind="delta"))) == (1, 0, 0)
    write_deltalake(f"{tmp_path}/in", rows(1), mode="append")
    assert files(job.fit_update(config(tmp_path, kind="delta"))) == (1, 1, 0)
    DeltaTable(f"{tmp_path}/in").optimize.compact()
    report = job.fit_update(config(tmp_path, kind="delta"))
    assert files(report) == (1, 0, 2)
    assert_same(report.model, job.fit(config(tmp_path, kind="delta")))


def test_scans_of_later_levels_are_of_all_data_and_told(tmp_path: Path) -> None:
    write(tmp_path / "in", 0, 1, 2)
    job.fit_update(config(tmp_path, AFTER_CLIPPING))
    write(tmp_path / "in", 3)
    report = job.fit_update(config(tmp_path, AFTER_CLIPPING))
    assert report.summary == "1 of 4 files scanned, 0 gone; 1 scan of all data for level 1"
    assert_same(report.model, job.fit(config(tmp_path, AFTER_CLIPPING)))


def test_a_pass_that_infers_types_is_told(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows(0).write_csv(tmp_path / "in/0.csv")
    told = job.fit_update(config(tmp_path, kind="csv")).summary
    assert told == "1 of 1 files scanned, 0 gone; all data read to infer its types, unless source.schema tells them"


def test_statistics_that_are_still_valid_outlive_a_change_of_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in", 0, 1)
    job.fit_update(config(tmp_path, "[impute: {columns: v}]"))
    asked = recorded(monkeypatch)
    job.fit_update(config(tmp_path, "[impute: {name: other, columns: v}, scale: {columns: [v, w]}]"))
    assert asked == [["w"]]
    assert set(table(tmp_path)["statistic"]) == {'{"moments": {"columns": ["v"]}}', '{"moments": {"columns": ["w"]}}'}
    job.fit_update(config(tmp_path, "[scale: {columns: w}]"))
    assert asked == [["w"]]
    assert set(table(tmp_path)["statistic"]) == {'{"moments": {"columns": ["w"]}}'}


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The columns of the statistics that are scanned file by file from now on."""
    asked: list[list[str]] = []
    scan = PolarsRunner.states_by_file

    def states_by_file(self: PolarsRunner, fit_pass: FitPass, some: Sequence[states.SourceFile]) -> Any:
        asked.append([statistic.column for statistic in fit_pass.statistics])
        return scan(self, fit_pass, some)

    monkeypatch.setattr(PolarsRunner, "states_by_file", states_by_file)
    return asked


def test_other_options_of_the_reader_scan_every_file_anew(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("v\n1.0\n-1.0\n")
    steps, schema = "[impute: {columns: v}]", "schema: 'v double'"
    asked = JobConfig.from_text(
        f"name: x\nengine: polars\nsource: {{path: {tmp_path}/in, format: csv, {schema}}}\nsteps: {steps}\n"
        f"sink: {{path: {tmp_path}/table}}"
    )
    assert job.fit(asked, update=True).parameters[0]["values"]["v"] == 0.0
    source = asked.source.model_copy(update={"options": {"nullValue": "-1.0"}})
    assert job.fit(asked.model_copy(update={"source": source}), update=True).parameters[0]["values"]["v"] == 1.0


# What comes out


def test_moments_counts_and_extremes_are_those_of_all_rows(engine: str, tmp_path: Path) -> None:
    for seed in range(5):
        write(tmp_path / "in", seed)
        report = job.fit_update(config(tmp_path, "[scale: {columns: v}, scale: {columns: w, method: minmax}]", engine))
    every = pl.concat([rows(seed) for seed in range(5)])
    v = every["v"].drop_nulls().to_numpy()
    (center, scale, _), (low, width, _) = (
        learnt["maps"][c] for learnt, c in zip(report.model.parameters, "vw", strict=True)
    )
    assert center == pytest.approx(v.mean(), rel=1e-12)
    assert scale == pytest.approx(v.std(), rel=1e-12)
    assert (low, low + width) == (every["w"].min(), pytest.approx(every["w"].max(), rel=1e-15))


def test_quantiles_keep_to_their_rank_error(tmp_path: Path) -> None:
    for seed in range(12):
        write(tmp_path / "in", seed)
    report = job.fit_update(config(tmp_path, "[impute: {columns: v, strategy: median, rank_error: 0.01}]"))
    every = pl.concat([rows(seed) for seed in range(12)])["v"].drop_nulls()
    assert (every < report.model.parameters[0]["values"]["v"]).mean() == pytest.approx(0.5, abs=0.02)


def test_random_draws_are_those_of_a_full_fit(tmp_path: Path) -> None:
    write(tmp_path / "in", 0, 1)
    steps = "[split: {fractions: {train: 0.5, test: 0.5}}, impute: {columns: v}]"
    of_train = config(tmp_path, steps, more="fit_on: {split: train}")
    job.fit_update(of_train)
    write(tmp_path / "in", 2)
    assert_same(job.fit(of_train, update=True), job.fit(of_train))


def test_states_of_no_file_are_those_of_no_row() -> None:
    assert merged(Moments(("v",)), []) == Moments(("v",)).empty()
    assert merged(Moments(("v",), by=("g",)), []) == {"groups": []}


def test_the_summary_tells_files_seconds_and_what_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = conf(tmp_path)
    write(tmp_path / "in", 0)
    assert main(["fit", "--update", "-q", str(place)]) == 0
    first = capsys.readouterr().out
    assert first.startswith("update: 1 of 1 files scanned, 0 gone\n")
    assert "against the model before" not in first
    write(tmp_path / "in", 1)
    assert main(["fit", "--update", "-q", str(place)]) == 0
    assert "against the model before: 3 changes\nstep " in capsys.readouterr().out
    assert main(["fit", "--update", "-q", "--json", str(place)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == {"scanned": 0, "reused": 2, "gone": 0}
    assert told["moved"] == []
    assert set(told["seconds"]) == {"session", "plan", "fit", "write", "total"}


def conf(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(config(tmp_path).to_yaml())
    return path


# The table


def test_the_table_goes_where_it_is_told(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    more = f"model: {{path: {tmp_path}/m.json, statistics: {tmp_path}/kept}}"
    assert job.fit_update(config(tmp_path, more=more)).statistics == f"{tmp_path}/kept"
    assert config(tmp_path, more=f"model: {{path: {tmp_path}/m.json}}").statistics_path == f"{tmp_path}/m_statistics"
    assert pl.read_delta(f"{tmp_path}/kept").columns == list(states.COLUMNS)


def test_an_update_is_one_commit_or_none(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    job.fit_update(config(tmp_path))
    job.fit_update(config(tmp_path))
    assert version(tmp_path) == 0
    write(tmp_path / "in", 1)
    job.fit_update(config(tmp_path))
    assert version(tmp_path) == 1
    (tmp_path / "in/0.parquet").unlink()
    job.fit_update(config(tmp_path))
    assert version(tmp_path) == 2


def test_a_job_can_write_its_table_beside_the_statistics(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    job.fit_update(config(tmp_path))
    assert job.transform(config(tmp_path)).rows_written == 500
    assert job.run(config(tmp_path)).rows_written == 500
    assert version(tmp_path) == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, SourceError])
def test_what_is_interrupted_leaves_statistics_and_model_as_they_were(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in", 0)
    before = job.fit_update(config(tmp_path, AFTER_CLIPPING)).model
    write(tmp_path / "in", 1)

    def fails(self: PolarsRunner, fit_pass: FitPass) -> Any:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(PolarsRunner, "states", fails)
        with pytest.raises(error):
            job.fit_update(config(tmp_path, AFTER_CLIPPING))
    assert (version(tmp_path), table(tmp_path).n_unique("file")) == (0, 1)
    assert PipelineModel.load(f"{tmp_path}/table/_genspark/model.json").sha256 == before.sha256
    assert files(job.fit_update(config(tmp_path, AFTER_CLIPPING))) == (1, 1, 0)


@pytest.mark.parametrize("known", [(), (0,)])
def test_of_two_updates_at_once_the_later_fails_whole(
    known: Sequence[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in", *known)
    if known:
        job.fit_update(config(tmp_path))
    write(tmp_path / "in", 1)
    commit: Callable[..., None] = states.replace

    def beaten(*arguments: Any) -> None:
        commit(*arguments)
        commit(*arguments)

    monkeypatch.setattr(states, "replace", beaten)
    with pytest.raises(SinkError, match="model_statistics: another run wrote it meanwhile, and nothing was changed"):
        job.fit_update(config(tmp_path))
    assert table(tmp_path).height == 3 * (len(known) + 1)


# Bad input


def test_exact_quantiles_are_refused_before_any_work(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    exact = config(tmp_path, "[scale: {columns: w}, impute: {columns: v, strategy: median, rank_error: 0}]")
    with pytest.raises(PlanError) as told:
        job.fit_update(exact)
    assert str(told.value) == (
        "steps[1].impute.rank_error: exact quantiles of 'v' do not merge, so they cannot be kept for each file; "
        "set rank_error above 0, such as 0.005, or fit without --update"
    )
    assert not (tmp_path / "table").exists()


def test_exact_quantiles_of_a_later_level_are_fine(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    steps = "[outliers: {columns: w, action: drop}, impute: {columns: v, strategy: median, rank_error: 0}]"
    assert_same(job.fit(config(tmp_path, steps), update=True), job.fit(config(tmp_path, steps)), within=0.0)


def test_a_source_of_another_schema_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    job.fit_update(config(tmp_path))
    (tmp_path / "table/_genspark/model.json").unlink()
    rows(0).with_columns(pl.col("v").cast(pl.Float32)).drop("w").with_columns(x=1).write_parquet(
        tmp_path / "in/0.parquet"
    )
    with pytest.raises(ModelError) as told:
        job.fit_update(config(tmp_path, "[impute: {columns: v}]"))
    assert str(told.value) == (
        f"model.statistics: {tmp_path}/table/_genspark/model_statistics was made of another schema than source.path "
        "has now: column 'v' was Float64 and is Float32 now; column 'w' (Float64) is gone; column 'x' (Int32) is new; "
        "fit without --update, or remove that table to scan every file anew"
    )
    assert version(tmp_path) == 0


def test_a_model_of_another_schema_is_not_updated(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    job.fit(config(tmp_path))
    rows(0).with_columns(pl.col("v").cast(pl.Float32)).write_parquet(tmp_path / "in/0.parquet")
    with pytest.raises(ModelError, match=r"model\.json was fitted of another schema .* fit without --update"):
        job.fit_update(config(tmp_path))


def test_another_table_is_not_taken_for_one_of_statistics(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    write_deltalake(f"{tmp_path}/other", rows(0))
    more = f"model: {{path: {tmp_path}/m.json, statistics: {tmp_path}/other}}"
    with pytest.raises(ModelError, match=r"model\.statistics: .*/other is a table, but not one of statistics"):
        job.fit_update(config(tmp_path, more=more))


def test_a_table_whose_files_are_lost_tells_the_remedy(tmp_path: Path) -> None:
    write(tmp_path / "in", 0)
    job.fit_update(config(tmp_path))
    for path in (tmp_path / "table/_genspark/model_statistics").glob("*.parquet"):
        path.unlink()
    with pytest.raises(ModelError, match="cannot be read .*; remove it, and every file is scanned anew"):
        job.fit_update(config(tmp_path))


def test_spark_refuses_a_delta_table_of_which_it_reads_every_file(spark: Any, tmp_path: Path) -> None:
    write_deltalake(f"{tmp_path}/in", rows(0))
    with pytest.raises(PlanError, match="engine: spark cannot .* a Delta table .*; set engine: polars or spark-polars"):
        job.fit_update(config(tmp_path, engine="spark", kind="delta"))


def test_spark_refuses_images(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"no image")
    images = config(tmp_path, "[]", engine="spark", kind="images").model_copy(update={"key": ()})
    with pytest.raises(PlanError, match="engine: spark cannot .* an image was read from; set engine: polars"):
        job.fit_update(images)


# What decides a state

LOG = Transform(columns=["v"], function="log1p")
SCHEMA = {"v": "Float64", "w": "Float64", "g": "String", "id": "Int64"}
PLAIN = Opening((), (), (), (), {})


def digest(statistic: Statistic, *stages: Stage, opening: Opening = PLAIN, schema: Any = SCHEMA, **reading: Any) -> str:
    return origin(FitPass(opening, stages, (statistic,)), statistic, schema, reading).digest


V = Moments(("v",))


@pytest.mark.parametrize(
    "other",
    [
        digest(Moments(("w",))),
        digest(Moments(("v",), by=("g",))),
        digest(Quantiles(("v",))),
        digest(V, Stage({}, LOG, {})),
        digest(V, Stage({}, Outliers(columns=["w"], action="drop"), {"bounds": {"w": [0.0, 1.0]}})),
        digest(V, opening=Opening((), (), (), (), {"g": "x"})),
        digest(V, schema={**SCHEMA, "v": "Int64"}),
        digest(V, options={"nullValue": "-"}),
    ],
)
def test_whatever_decides_a_state_is_in_its_digest(other: str) -> None:
    assert other != digest(V)


@pytest.mark.parametrize(
    "other",
    [
        digest(V, schema={**SCHEMA, "w": "Int64"}),
        digest(V, Stage({}, Transform(columns=["w"], function="log1p"), {})),
        digest(V, opening=Opening(("id",), (), ("v", "w"), (), {})),
        digest(Moments(("copy",)), Stage({"v": "copy"}, LOG, {})),
    ],
)
def test_nothing_else_is_in_its_digest(other: str) -> None:
    assert other == digest(V)


def test_an_origin_tells_the_names_of_the_source_and_the_steps_in_order() -> None:
    fit_pass = FitPass(PLAIN, (Stage({}, LOG, {}), Stage({"v": "copy"}, Impute(columns=["v"]), {"values": {}})), ())
    found = origin(fit_pass, Moments(("copy",)), SCHEMA, {})
    assert found.statistic == V
    assert found.steps == ({"transform": {"columns": ["v"], "function": "log1p"}, "parameters": {}},)
