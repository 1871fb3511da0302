"""An evaluation as a user runs it: the YAML, the command, slices, features kept, the ledger and what is refused."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import genspark
from genspark import evaluate
from genspark.cli import main
from genspark.config import Evaluation, JobConfig
from genspark.errors import ConfigError, DataError, SourceError, TargetError
from genspark.evaluate import parts
from genspark.evaluate.features import Columns, Pixels
from genspark.evaluate.runs import ledger, registry


def rows(count: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    x, y = chance.normal(size=(2, count)) + shift
    return pl.DataFrame({"id": range(count), "x": x, "y": y, "label": chance.choice(["a", "b"], count)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that a job of genspark made, and files of generated rows."""
    folder = tmp_path_factory.mktemp("evaluation")
    rows(400, 1).write_csv(folder / "real.csv")
    genspark.run(JobConfig.from_text(JOB.format(folder=folder)))
    for place in range(2):
        rows(200, 2 + place, 0.5).write_parquet(folder / f"made-{place}.parquet")
    return folder


JOB = """
name: real
engine: polars
source: {{path: "{folder}/real.csv", format: csv}}
steps: [impute: {{columns: x}}]
sink: {{path: "{folder}/real"}}
"""

CONF = """
name: small
engine: polars
evaluate:
  real: {folder}/real
  generated: {{path: "{folder}/made-*.parquet", format: parquet}}
  extractor: {{columns: {{columns: [x, y]}}}}
  by: label
  scores:
    - frechet_distance
    - ks_distance: {{column: x}}
    - precision_recall: {{k: 3}}
  ledger: {folder}/scores
"""


def conf(folder: Path, text: str = CONF, name: str = "evaluation.yaml") -> str:
    path = folder / name
    path.write_text(text.format(folder=folder))
    return str(path)


def test_the_command_scores_all_rows_and_each_slice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", conf(folder), "--json", "-q", "--set", f"evaluate.ledger={folder}/ledger"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    made = pl.read_parquet(f"{folder}/made-*.parquet")
    real = rows(400, 1)
    found = {(one["metric"], one["slice"].get("label")): one for one in told["scores"]}
    assert {slice_ for _, slice_ in found} == {None, "a", "b"}
    assert {metric for metric, _ in found} == {
        "frechet_distance", "ks_distance", "precision", "recall", "density", "coverage",
    }  # fmt: skip
    expected = evaluate.ks_distance(real, made, column="x")
    assert found["ks_distance", None]["value"] == pytest.approx(expected.value, rel=1e-12)
    of_a = [frame.filter(label="a").select(features=pl.concat_list("x", "y")) for frame in (real, made)]
    assert found["frechet_distance", "a"]["value"] == pytest.approx(evaluate.frechet_distance(*of_a).value, rel=1e-9)
    assert found["frechet_distance", "a"]["n"] == made.filter(label="a").height
    assert found["frechet_distance", None]["signature"]["extractor"] == 'columns(columns=["x", "y"])'
    facts = told["sides"]["real"]
    assert (facts["version"], facts["job"]) == (0, "real")
    assert len(facts["model_sha256"]) == 64
    assert told["sides"]["generated"]["format"] == "parquet"


def test_scores_carry_where_their_rows_are_from(folder: Path) -> None:
    results = evaluate.run(Evaluation.from_yaml(conf(folder), sets=["evaluate.ledger=null", "evaluate.by=[]"]))
    assert results["ks_distance"].sides["real"]["version"] == 0
    assert results["ks_distance"].sides["real"]["path"] == f"{folder}/real"
    assert set(results["ks_distance"].sides) == {"real", "generated"}
    with pytest.raises(KeyError, match="cmmd"):
        _ = results["cmmd"]


def test_the_table_and_the_notes_are_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", conf(folder), "-q", "--set", "evaluate.ledger=null"]) == 0
    told = capsys.readouterr().out
    assert "genspark: small" in told
    assert "ks_distance(x)" in told
    assert "label=b" in told
    assert f"real: {folder}/real (format delta, version 0, run_id" in told


def test_python_scores_frames_alike() -> None:
    real, made = rows(300, 1), rows(200, 2, 0.5)
    results = evaluate.score_all(
        made.lazy(),
        ["frechet_distance", {"ks_distance": {"column": "y"}}],
        real=real,
        extractor=Columns(columns=["x", "y"]),
        by="label",
    )
    assert [one.label for one in results.scored[:2]] == ["frechet_distance", "ks_distance(y)"]
    pair = evaluate.slices({"real": real, "generated": made}, ["label"])[("b",)]
    of_b = next(one.score for one in results.scored if one.slice == {"label": "b"} and one.label == "ks_distance(y)")
    assert of_b.value == evaluate.ks_distance(pair["real"], pair["generated"], column="y").value
    assert of_b.sides == {}


def test_the_engine_spark_gives_the_same(spark: Any, folder: Path) -> None:
    sets = ["evaluate.ledger=null", "evaluate.scores=[frechet_distance, {ks_distance: {column: x}}]"]
    here, there = (
        evaluate.run(Evaluation.from_yaml(conf(folder), sets=[*sets, f"engine={engine}"]))
        for engine in ("polars", "spark")
    )
    assert (here.engine, there.engine) == ("polars", "spark")
    assert len(here.scored) == len(there.scored) == 6
    for one, two in zip(here.scored, there.scored, strict=True):
        assert one.score.signature == two.score.signature
        assert (one.slice, one.score.n) == (two.slice, two.score.n)
        assert two.score.value == pytest.approx(one.score.value, rel=1e-9), one.label
    assert there.sides["real"]["model_sha256"] == here.sides["real"]["model_sha256"]


def test_a_job_may_hold_the_section_and_its_table_is_what_is_real(folder: Path) -> None:
    section = f"evaluate: {{generated: {{path: '{folder}/made-*.parquet', format: parquet}}, scores: [bleu]}}"
    text = JOB.format(folder=folder) + section
    config = Evaluation.from_text(text)
    assert config.evaluate.real is not None
    assert (config.evaluate.real.path, config.name) == (f"{folder}/real", "real")
    plain = JobConfig.from_text(JOB.format(folder=folder))
    assert JobConfig.from_text(text).work_hash == plain.work_hash
    assert JobConfig.from_text(text).config_hash == plain.config_hash
    with pytest.raises(ConfigError, match="evaluate: needed and absent"):
        Evaluation.from_text(JOB.format(folder=folder))


@pytest.mark.parametrize(
    ("sets", "problems"),
    [
        (["evaluate.scores=[frechet, ks_distance]"], ["scores[0]: 'frechet' is no score; did you mean",
                                                       "scores[1].ks_distance.column: needed and absent"]),
        (["evaluate.scores=[{cmmd: {colum: v}}]"], ["cmmd.colum: not a key here; did you mean 'column'"]),
        (["evaluate.scores=[{inception_score: {splits: many}}]"], ["splits: must be a whole number; got 'many'"]),
        (["evaluate.scores=[{inception_score: {order: any}}]"], ["order: must be one of hash, rows, permuted"]),
        (["evaluate.scores=[{ks_distance: {column: z}}]", "evaluate.extractor=null"],
         ["real has no column 'z'", "generated has no column 'z'"]),
        (["evaluate.real=null"], ["frechet_distance: compares with real rows, and evaluate.real is absent"]),
        (["evaluate.by=kind"], ["evaluate.by: real has no column 'kind'"]),
        (["evaluate.extractor={columns: {columns: 'p_*'}}"], ["evaluate.extractor: real: columns: 'p_*' matches no"]),
        (["evaluate.extractor={onnx: {path: no.onnx}}"], ["no.onnx is not there"]),
        (["evaluate.scores=[{ks_distance: {column: x}}]"], ["evaluate.extractor: no score reads vectors"]),
        (["evaluate.scores=[]"], ["evaluate.scores: must be at least 1 item long"]),
        (["evaluate.scrores=[a]"], ["evaluate.scrores: not a key here; did you mean 'scores'"]),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_a_row_is_read(
    folder: Path, sets: list[str], problems: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [argument for one in sets for argument in ("--set", one)]
    assert main(["evaluate", conf(folder), "-q", "--set", f"evaluate.ledger={folder}/none", *arguments]) == 2
    told = capsys.readouterr().err
    assert [problem for problem in problems if problem not in told] == []
    assert not (folder / "none").exists()


def test_rows_that_are_not_there_name_their_side(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"evaluate\.real\.path"):
        evaluate.run(Evaluation.from_yaml(conf(folder), sets=[f"evaluate.real={folder}/nothing"]))
    broken = folder / "broken.csv"
    broken.write_text("x,label\n1.0,a\n2.0,b,c\n")
    sets = [f"evaluate.generated={{path: {broken}, format: csv}}", "evaluate.scores=[{ks_distance: {column: x}}]"]
    with pytest.raises(DataError, match=r"evaluate.generated.path: 1 record cannot be read, such as '2.0,b,c'"):
        evaluate.run(Evaluation.from_yaml(conf(folder), sets=[*sets, "evaluate.extractor=null"]))


def test_a_slice_that_cannot_be_scored_is_told_and_the_others_are_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real, made = rows(300, 1), rows(200, 2).with_columns(label=pl.lit("a"))
    results = evaluate.score_all(made, [{"ks_distance": {"column": "x"}}], real=real, by="label")
    assert [dict(one.slice) for one in results.scored] == [{}, {"label": "a"}]
    (failed,) = results.failed
    assert (failed.slice, failed.why) == ({"label": "b"}, "generated has no rows; nothing can be scored")
    made.write_parquet(folder / "only.parquet")
    sets = ["--set", f"evaluate.generated.path={folder}/only.parquet", "--set", "evaluate.ledger=null"]
    assert main(["evaluate", conf(folder), "-q", *sets]) == 1
    told = capsys.readouterr()
    assert "label=a" in told.out
    assert "could not be scored: " in told.err


def test_columns_of_real_and_generated_are_the_same_whatever_their_order() -> None:
    real, made = rows(300, 1), rows(200, 2, 0.5)
    made = made.with_columns(y=pl.col("y") * 3)
    as_is, turned, named = (
        evaluate.score_all(frame, ["frechet_distance"], real=real, extractor=Columns(columns=columns))
        for frame, columns in ((made, "[xy]"), (made.select("y", "label", "x"), "[xy]"), (made, ["x", "y"]))
    )
    assert as_is["frechet_distance"].value == turned["frechet_distance"].value == named["frechet_distance"].value
    with pytest.raises(ConfigError, match=r"of one side it reads 'y_2', too, which the other lacks"):
        evaluate.score_all(
            made.with_columns(y_2=1.0), ["frechet_distance"], real=real, extractor=Columns(columns=["x", "y*"])
        )


def test_where_chooses_rows(folder: Path) -> None:
    sets = ["evaluate.by=[]", "evaluate.ledger=null", "evaluate.extractor=null"]
    sets += [f"evaluate.real={{path: {folder}/real, format: delta, where: {{label: a}}}}"]
    sets += ["evaluate.scores=[{ks_distance: {column: x}}]"]
    found = evaluate.run(Evaluation.from_yaml(conf(folder), sets=sets))["ks_distance"]
    made = pl.read_parquet(f"{folder}/made-*.parquet")
    assert found.value == evaluate.ks_distance(rows(400, 1).filter(label="a"), made, column="x").value


def test_features_are_kept_and_used_again_while_rows_and_extractor_are_the_same(folder: Path) -> None:
    sets = ["evaluate.ledger=null", f"evaluate.features={folder}/vectors"]
    first, again = (evaluate.run(Evaluation.from_yaml(conf(folder), sets=sets)) for _ in range(2))
    assert first.notes == []
    assert again.notes == [f"features of {side} are those in {folder}/vectors/{side}" for side in ("real", "generated")]
    assert again["frechet_distance"] == first["frechet_distance"]
    other = evaluate.run(Evaluation.from_yaml(conf(folder), sets=[*sets, "evaluate.extractor={columns: {columns: x}}"]))
    assert other.notes == []
    assert other["frechet_distance"].signature["dimensions"] == 1


def test_images_that_do_not_decode_are_named_or_left_out(folder: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'genspark[images]'")
    pictures = folder / "pictures"
    pictures.mkdir()
    for place in range(20):
        pixels = np.random.default_rng(place).integers(0, 256, (2, 2, 3), dtype=np.uint8)
        target = io.BytesIO()
        image.fromarray(pixels).save(target, "PNG")
        (pictures / f"{place:02}.png").write_bytes(target.getvalue() if place != 7 else b"broken")
    text = """
name: pictures
engine: polars
evaluate:
  real: &all {{path: "{folder}/pictures", format: images}}
  generated: *all
  extractor: pixels
  scores: [frechet_distance]
"""
    path = conf(folder, text, "pictures.yaml")
    with pytest.raises(DataError, match=r"real: 1 row without a vector: 07.png: no image: 6 bytes .*on_fault: skip"):
        evaluate.run(Evaluation.from_yaml(path))
    results = evaluate.run(Evaluation.from_yaml(path, sets=["evaluate.on_fault=skip"]))
    assert results["frechet_distance"].n == 19
    assert results["frechet_distance"].value == pytest.approx(0.0, abs=1e-6)
    assert results.notes[0].startswith("real: 1 row without a vector: 07.png")
    assert results["frechet_distance"].signature["extractor"] == str(Pixels())


def test_scores_of_text_need_no_real_rows(tmp_path: Path) -> None:
    pl.DataFrame({"h": ["a dog"], "r": ["a dog"]}).write_parquet(tmp_path / "t.parquet")
    text = f"""
name: text
evaluate:
  generated: {{path: {tmp_path}/t.parquet, format: parquet}}
  interval: false
  scores:
    - bleu: {{hypothesis: h, references: r, tokenize: char}}
"""
    results = evaluate.run(Evaluation.from_text(text, sets=["engine=polars"]))
    assert results["bleu"].value == pytest.approx(100.0)
    assert results["bleu"].interval is None
    assert results["bleu"].signature["tokenize"] == "char"


def test_the_ledger_keeps_scores_and_compares_only_like_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "course")
    base = [
        "evaluate.by=[]",
        f"evaluate.ledger={path}",
        "evaluate.scores=[frechet_distance, {ks_distance: {column: x}}]",
    ]
    first = evaluate.run(Evaluation.from_yaml(conf(folder), sets=base))
    rows(200, 9, 2.0).write_parquet(folder / "worse.parquet")
    worse = evaluate.run(
        Evaluation.from_yaml(conf(folder), sets=[*base, f"evaluate.generated.path={folder}/worse.parquet"])
    )
    other = evaluate.run(Evaluation.from_yaml(conf(folder), sets=[*base, "evaluate.extractor={columns: {columns: x}}"]))
    found = ledger.read(path)
    assert found.schema == ledger.COLUMNS
    assert found.height == 6
    row = found.row(0, named=True)
    assert ledger.as_score(row).minus(first["frechet_distance"]) == 0.0
    assert (row["real_version"], row["real_model_sha256"]) == ("0", first.sides["real"]["model_sha256"])
    moved = ledger.compared(path, "frechet_distance", worse.run_id, first.run_id)
    assert moved == worse["frechet_distance"].value - first["frechet_distance"].value > 1.0
    with pytest.raises(DataError, match=r"cannot be compared, for they differ in dimensions 1 and 2, extractor"):
        ledger.compared(path, "frechet_distance", other.run_id, first.run_id)
    with pytest.raises(DataError, match="run nobody has no such score"):
        ledger.compared(path, "frechet_distance", "nobody", first.run_id)

    assert main(["scores", path, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["label"], len(one["scores"])) for one in told] == [
        ("frechet_distance", 2), ("ks_distance(x)", 3), ("frechet_distance", 1),
    ]  # fmt: skip
    assert main(["scores", path, "--metric", "frechet_distance"]) == 0
    shown = capsys.readouterr().out
    assert "▁█" in shown
    assert f"{moved:+.4g}" in shown
    assert "scores of frechet_distance are of unlike signatures" in shown
    assert "ks_distance" not in shown


def test_a_ledger_of_other_rows_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TargetError, match="is a table, but not one of scores"):
        ledger.read(str(folder / "real"))
    assert main(["scores", str(folder / "absent")]) == 2
    assert "there is no ledger at" in capsys.readouterr().err


def test_every_public_score_can_be_asked_for_by_name() -> None:
    assert set(registry.names()) >= {"bleu", "frechet_distance", "precision_recall", "agreement", "ks_distance"}
    assert {"Score", "run", "score_all", "slices", "features"} & set(registry.names()) == set()
    precision = registry.metric("precision_recall")
    assert precision is not None
    assert (precision.sides, precision.takes_features) == (("real", "generated"), True)


def test_mlflow_gets_the_scores(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install mlflow-skinny")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file://{tmp_path}/runs")
    asked = Evaluation.from_yaml(conf(folder), sets=["evaluate.ledger=null", "evaluate.mlflow=digits"])
    # In a caller's run, such as that of a training.
    with mlflow.start_run(experiment_id=mlflow.create_experiment("training")) as around:
        results = evaluate.run(asked)
        assert mlflow.active_run().info.run_id == around.info.run_id
    (run,) = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("digits").experiment_id])
    assert run.data.tags["mlflow.parentRunId"] == around.info.run_id
    assert run.data.metrics["frechet_distance"] == results["frechet_distance"].value
    assert "frechet_distance of label_a.low" in run.data.metrics
    assert run.data.params["real.version"] == "0"


def test_no_mlflow_is_told_before_a_row_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="evaluate.mlflow: MLflow cannot be imported .*pip install mlflow-skinny"):
        evaluate.run(
            Evaluation.from_yaml(conf(folder), sets=["evaluate.mlflow=digits", f"evaluate.ledger={folder}/no"])
        )
    assert not (folder / "no").exists()


def against(real: Any, generated: Any, *, held_out: Any, most: int = 5) -> evaluate.Score:
    """A score that takes further rows."""
    counts = [sum(t.num_rows for t in parts.tables(frame, ["x"])) for frame in (real, generated, held_out)]
    return evaluate.Score(float(counts[2]), counts[1], {"metric": "against", "most": most}, None, {"real": counts[0]})


def test_parameters_that_are_rows_are_opened_and_sliced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "against", against, raising=False)
    monkeypatch.setattr(evaluate, "__all__", [*evaluate.__all__, "against"])
    registry.metric.cache_clear()
    real, made, held_out = rows(300, 1), rows(200, 2), rows(100, 3)
    asked = {"against": {"held_out": held_out, "most": 3}}
    whole, of_a, of_b = evaluate.score_all(made, [asked], real=real, by="label").scored
    assert (whole.score.value, whole.score.signature["most"]) == (100.0, 3)
    assert (of_a.score.value, of_b.score.value) == tuple(held_out.filter(label=of).height for of in "ab")
    for given in (f"{folder}/real", f"{{path: {folder}/real, format: delta}}"):
        sets = [
            "evaluate.ledger=null",
            "evaluate.extractor=null",
            f"evaluate.scores=[{{against: {{held_out: {given}}}}}]",
        ]
        assert evaluate.run(Evaluation.from_yaml(conf(folder), sets=sets))["against"].value == 400.0
    with pytest.raises(ConfigError, match="against.held_out: needed and absent"):
        evaluate.score_all(made, ["against"], real=real)
    with pytest.raises(DataError, match=r"against.held_out has no column 'label'"):
        evaluate.score_all(made, [{"against": {"held_out": held_out.drop("label")}}], real=real, by="label")
    registry.metric.cache_clear()
