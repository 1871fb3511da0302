"""Configs: what reads back, what each mistake is called, and that all of them are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from jsonschema import Draft202012Validator
from pydantic.dataclasses import dataclass

from genspark.config import Evaluation, JobConfig, ModelFile, Quarantine, Sink, Source, json_schema
from genspark.config.text import parse
from genspark.errors import ConfigError, show
from genspark.pipeline import Pipeline
from genspark.steps import Augment, Drop, Impute, Outliers, RandomCrop, Scale, Split, Step
from genspark.steps.base import STEP_CONFIG

JOB = "name: t\nsource: {path: a.csv, format: csv}\nsink: {path: out/t}\n"

TAXIS = """\
name: taxis
engine: auto
source: {path: data/taxis/*.csv.gz, format: csv, options: {header: true}}
key: [pickup, dropoff, total]
fit_on: {split: train}
steps:
  - split: {fractions: {train: 0.8, validation: 0.1, test: 0.1}, seed: 7}
  - impute: {columns: [tip, tolls], strategy: median, indicator: true}
  - outliers: {columns: [fare, distance], method: zscore, threshold: 3.0, action: quarantine}
  - augment: {image: image, views: 2, random_crop: {size: [28, 28], padding: 4}, horizontal_flip: 0.5}
sink: {path: out/taxis, partition_by: [split], mode: overwrite}
quarantine: {path: out/rejected}
"""


def problems(text: str, *, sets: Sequence[str] = (), env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        JobConfig.from_text(text, sets=sets, env=env or {})
    return list(caught.value.problems)


def problem(text: str, *, sets: Sequence[str] = (), env: dict[str, str] | None = None) -> str:
    (only,) = problems(text, sets=sets, env=env)
    return only


def in_steps(*steps: str) -> str:
    return JOB + "steps:\n" + "".join(f"  - {step}\n" for step in steps)


def in_source(fields: str) -> str:
    return JOB.replace("path: a.csv, format: csv", fields)


def in_sink(fields: str) -> str:
    return JOB.replace("path: out/t", f"path: out/t, {fields}")


def read(text: str, *, sets: Sequence[str] = (), **env: str) -> JobConfig:
    return JobConfig.from_text(text, sets=sets, env=env)


# What is read


def test_a_whole_job_is_read() -> None:
    job = read(TAXIS)
    assert job.name == "taxis"
    assert job.engine == "auto"
    assert job.source == Source(path="data/taxis/*.csv.gz", format="csv", options={"header": True})
    assert job.key == ("pickup", "dropoff", "total")
    assert job.fit_on == {"split": "train"}
    assert job.steps == (
        Split(fractions={"train": 0.8, "validation": 0.1, "test": 0.1}, seed=7),
        Impute(columns=("tip", "tolls"), strategy="median", indicator=True),
        Outliers(columns=("fare", "distance"), threshold=3.0, action="quarantine"),
        Augment(image="image", views=2, random_crop=RandomCrop(size=(28, 28), padding=4), horizontal_flip=0.5),
    )
    assert job.sink == Sink(path="out/taxis", partition_by=("split",), mode="overwrite")
    assert job.quarantine == Quarantine(path="out/rejected")


def test_the_defaults_destroy_nothing() -> None:
    job = read(JOB)
    assert (job.engine, job.key, job.fit_on, job.steps) == ("auto", (), {}, ())
    assert (job.sink.mode, job.sink.partition_by, job.sink.partitions) == ("error", (), None)
    assert (job.quarantine, job.model) == (None, None)


@pytest.mark.parametrize(("written", "read_as"), [("a.csv", "a.csv"), ("[a.csv, b/*.csv]", ["a.csv", "b/*.csv"])])
def test_a_source_has_one_path_or_several(written: str, read_as: str | list[str]) -> None:
    assert read(in_source(f"path: {written}, format: csv")).source.path == read_as


def test_a_lone_name_stands_for_a_list_of_one() -> None:
    job = read(in_sink("partition_by: day") + "key: id\n")
    assert (job.key, job.sink.partition_by) == (("id",), ("day",))


def test_the_schema_is_ddl() -> None:
    assert read(in_source("path: a, format: json, schema: 'a int, b string'")).source.schema_ == "a int, b string"


def test_quarantine_and_model_go_beside_and_into_the_sink() -> None:
    job = read(JOB.replace("out/t", "out/t/"))
    assert (job.quarantine_path, job.model_path) == ("out/t_quarantine", "out/t/_genspark/model.json")


def test_quarantine_and_model_go_where_they_are_told() -> None:
    job = read(JOB + "quarantine: {path: q}\nmodel: {path: m.json}\n")
    assert (job.quarantine_path, job.model_path) == ("q", "m.json")


def test_the_pipeline_has_the_steps_the_key_and_the_rows_to_learn_from() -> None:
    job = read(in_steps("drop: {columns: a}") + "key: id\nfit_on: {split: train}\n")
    assert job.pipeline() == Pipeline((Drop(columns=("a",)),), key=("id",), fit_on={"split": "train"})


def test_a_step_that_is_registered_later_is_read_after_a_rebuild(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Step, "registry", dict(Step.registry))

    @dataclass(config=STEP_CONFIG)
    class Blur(Step):
        """Blur a column."""

        radius: int

        kind: ClassVar[str] = "blur"

    try:
        JobConfig.model_rebuild(force=True)
        assert read(in_steps("blur: {radius: 2}")).steps == (Blur(radius=2),)
        assert not schema_takes(in_steps("blur: {radus: 2}"))
    finally:
        monkeypatch.undo()
        JobConfig.model_rebuild(force=True)


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(JOB).name = "u"


# YAML: 1.2, as editors read it


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("1e-3", 0.001),
        ("010", 10),
        ("0x1F", 31),
        ("true", True),
        ("-4", -4),
        (".5", 0.5),
        ("'4'", "4"),
    ],
)
def test_scalars(written: str, value: object) -> None:
    found = read(JOB + f"fit_on: {{a: {written}}}\n").fit_on["a"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text() -> None:
    assert read(JOB + "fit_on: {1: a, no: b}\n").fit_on == {"1": "a", "no": "b"}


def test_sections_can_be_merged_and_the_nearer_key_wins() -> None:
    text = "name: t\nsource: &csv {path: a, format: csv}\nsink: {path: o}\n"
    assert read(text.replace("sink:", "<<: {name: u, engine: spark}\nsink:")).name == "t"
    assert read(text.replace("sink:", "<<: {name: u, engine: spark}\nsink:")).engine == "spark"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", "job.yaml:1:9: not YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("name: t\n\tb: 1", "job.yaml:2:1: not YAML: "),
        ("a:\n\tb: 1", "indent with spaces, not tabs"),
        ("a: b: c", "job.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "job.yaml:2:1: not YAML: expected a single document"),
        ("a: {b: ${C}}", "between braces or brackets, put ${...} in quotes"),
        ("a: \x00", "job.yaml: not YAML: unacceptable character #x0000"),
    ],
)
def test_text_that_is_not_yaml_is_told_with_its_line_and_column(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JobConfig.from_text(text, where="job.yaml", env={})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; a job needs name, source and sink"),
        ("# only a comment", "is empty; a job needs name, source and sink"),
        ("- a", "is not a mapping of keys: got ['a']; a job needs name, source and sink"),
        ("hello", "is not a mapping of keys: got 'hello'; a job needs name, source and sink"),
    ],
)
def test_a_text_that_is_no_mapping(text: str, said: str) -> None:
    assert problem(text) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("name: u\n", "name: given twice, on lines 1 and 4; keep one"),
        ("fit_on:\n  a: 1\n  a: 2\n", "fit_on.a: given twice, on lines 5 and 6; keep one"),
        (
            "key: !!python/name:os.system id\n",
            "key: the YAML tag !!python/name:os.system on line 4 has no use here; leave it out",
        ),
        ("? [a]\n: 3\n", "a key on line 4 is not text; quote it"),
        ("<<: 3\n", "<<: only sections can be merged in; give an alias of one"),
        ("key: &a [*a]\n", "key[0]: an alias that holds itself; write the values out"),
    ],
)
def test_yaml_that_is_not_meant_so(more: str, said: str) -> None:
    assert said in problems(JOB + more)


# Files


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(TAXIS)
    assert JobConfig.from_yaml(str(tmp_path / "job.yaml"), env={}) == read(TAXIS)


def test_a_file_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"job\.yaml: there is no such file; correct the path$"):
        JobConfig.from_yaml(str(tmp_path / "job.yaml"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"this is a folder; name the YAML file in it$"):
        JobConfig.from_yaml(str(tmp_path))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"not UTF-8 text: byte 0xe9 at 9; save it as UTF-8$"):
        JobConfig.from_yaml(str(tmp_path / "job.yaml"))


def test_the_problems_begin_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("name: t\nsource: {path: a, format: csv}\n")
    with pytest.raises(ConfigError) as caught:
        JobConfig.from_yaml(str(path))
    assert str(caught.value) == f"{path}: sink: needed and absent"


# Mistakes


def test_all_mistakes_are_told_at_once() -> None:
    text = """\
nam: t
source: {pth: a, format: cvs}
steps:
  - impute: {columns: a, strategy: men}
  - imputte: {columns: a}
  - outliers: {columns: a, threshold: -1}
  - scale: {columns: a, range: [1, 0]}
sink: {path: "${OUT}", mod: append, mode: append, mode: append}
"""
    assert problems(text, sets=["steps[9].x=1"]) == [
        "sink.mode: given twice, on lines 8 and 8; keep one",
        "--set steps[9].x: leads nowhere: steps has 4 items; the last is steps[3]",
        "sink.path: the environment variable OUT is not set; set it, or write ${OUT:-default}",
        "name: needed and absent",
        "source.path: needed and absent",
        "source.format: must be one of arrow, avro, csv, delta, images, json, orc, parquet, tar, text; got 'cvs'; "
        "did you mean 'csv'?",
        "source.pth: not a key here; did you mean 'path'?",
        "steps[0].impute.strategy: must be one of mean, median, mode, constant, model, nearest; got 'men'; "
        "did you mean 'mean'?",
        "steps[1].imputte: 'imputte' is not a step; did you mean 'impute'?",
        "steps[2].outliers.threshold: must be greater than 0; got -1",
        "steps[3].scale.range: the lower end must be below the upper; got [1.0, 0.0]",
        "sink.mod: not a key here; did you mean 'mode'?",
        "nam: not a key here; did you mean 'name'?",
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "engine: sparc\n",
            "engine: must be one of auto, polars, spark, spark-polars; got 'sparc'; did you mean 'spark'?",
        ),
        (
            "engine: SPARK\n",
            "engine: must be one of auto, polars, spark, spark-polars; got 'SPARK'; did you mean 'spark'?",
        ),
        ("engine: 3\n", "engine: must be one of auto, polars, spark, spark-polars; got 3"),
        ("key: 3\n", "key: must be a list; got 3"),
        ("key: [1]\n", "key[0]: must be text; got 1; put it in quotes"),
        ("key: {a: 1}\n", "key: must be a list; got {'a': 1}; begin each item with '-'"),
        ("fit_on: {split: [a]}\n", "fit_on.split: must be text, true or false or a number; got ['a']"),
        ("fit_on: {a.b: }\n", 'fit_on["a.b"]: must be text, true or false or a number; got nothing'),
        ("fit_on: {a: .nan}\n", "fit_on.a: must be a finite number; got nan"),
        ("model: m.json\n", "model: must be a section with keys of its own; got 'm.json'; its keys: path, statistics"),
        ("model: {}\n", "model.path: needed and absent"),
        ("steps: 5\n", "steps: must be a list; got 5"),
        ("steps:\n", "steps: must be a list; got nothing"),
        ("steps: {drop: 1}\n", "steps: must be a list; got {'drop': 1}; begin each item with '-'"),
        (
            "colour: red\n",
            "colour: not a key here; known: name, engine, source, key, fit_on, refit, steps, sink, quarantine, "
            "model, card, lineage, ...",
        ),
    ],
)
def test_mistakes_of_a_job(more: str, said: str) -> None:
    assert problem(JOB + more) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("path: [], format: csv", "source.path: must be at least 1 item long; got []"),
        ("path: '', format: csv", "source.path: must be text that is not empty; got ''"),
        ("path: 3, format: csv", "source.path: must be text or a list; got 3; put it in quotes"),
        ("path: [a, 1], format: csv", "source.path[1]: must be text; got 1; put it in quotes"),
        ("path: a", "source.format: needed and absent"),
        (
            "path: a, format: csv, version: 3",
            "source.version: only a delta source has versions, and format is 'csv'; leave it out",
        ),
        (
            "path: a, format: csv, timestamp: 2024-01-01",
            "source.timestamp: only a delta source has versions, and format is 'csv'; leave it out",
        ),
        (
            "path: a, format: delta, version: 3, timestamp: 2024-01-01",
            "source.timestamp: names another version beside `version`; keep one of the two",
        ),
        ("path: a, format: delta, version: -1", "source.version: must be at least 0; got -1"),
        ("path: a, format: delta, version: true", "source.version: must be a whole number; got true"),
        (
            "path: a, format: csv, options: {header: [1]}",
            "source.options.header: must be text, true or false or a number; got [1]",
        ),
    ],
)
def test_mistakes_of_a_source(fields: str, said: str) -> None:
    assert problem(in_source(fields)) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            "mode: replace",
            "sink.mode: must be one of overwrite, append, error; got 'replace'",
        ),
        (
            "compression: lz4, compression_level: 3",
            "sink.compression_level: lz4 has no levels; leave it out, or take zstd",
        ),
        (
            "compression: zstd, compression_level: 23",
            "sink.compression_level: zstd has levels 1 to 22; got 23",
        ),
        (
            "mode: append, partition_by: a, partitions: {a: [1]}",
            "sink.partitions: goes with mode 'overwrite' alone; mode is 'append'",
        ),
        (
            "mode: overwrite, partitions: {a: [1]}",
            "sink.partitions: 'a' is not in partition_by; partition_by is empty",
        ),
        (
            "mode: overwrite, partition_by: [day, hour], partitions: {dy: [1]}",
            "sink.partitions: 'dy' is not in partition_by; did you mean 'day'?",
        ),
        ("partition_by: a, partitions: {a: 1}", "sink.partitions.a: must be a list; got 1"),
        ("partition_by: a, partitions: {a: []}", "sink.partitions.a: must be at least 1 item long; got []"),
        ("files_per_partition: 0", "sink.files_per_partition: must be at least 1; got 0"),
        ("max_records_per_file: 1.5", "sink.max_records_per_file: must be a whole number; got 1.5"),
        ("max_records_per_file: many", "sink.max_records_per_file: must be a whole number; got 'many'"),
        ("properties: {a.b: true}", 'sink.properties["a.b"]: must be text; got true; put it in quotes'),
    ],
)
def test_mistakes_of_a_sink(fields: str, said: str) -> None:
    assert problem(in_sink(fields)) == said


def test_named_partitions_are_overwritten_alone() -> None:
    sink = read(in_sink("mode: overwrite, partition_by: [day], partitions: {day: [2024-01-01]}")).sink
    assert sink.partitions == {"day": ["2024-01-01"]}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("impute", "steps[0]: must be a step, such as 'impute: {columns: [fare]}'; got 'impute'"),
        ("", "steps[0]: must be a step, such as 'impute: {columns: [fare]}'; got nothing"),
        ("{}", "steps[0]: must be a step, such as 'impute: {columns: [fare]}'; got {}"),
        (
            "impute:\n    columns: [a]",
            "steps[0]: must be one key, the kind of step, with its fields below it; got ['impute', 'columns']; "
            "indent the rest further than 'impute'",
        ),
        (
            "{impute: {columns: a}, scale: {columns: a}}",
            "steps[0]: must be one key, the kind of step, with its fields below it; got ['impute', 'scale']; "
            "give each step a '-' of its own",
        ),
        ("drop:", "steps[0].drop.columns: needed and absent"),
        ("drop: a", "steps[0].drop: must be a section with keys of its own; got 'a'; its keys: columns, name"),
        ("drop: {columns: []}", "steps[0].drop.columns: must be at least 1 item long; got []"),
        ("drop: {columns: [a, 2]}", "steps[0].drop.columns[1]: must be text; got 2; put it in quotes"),
        (
            "validate: {rules: [{columns: a, between: [2, 1]}]}",
            "steps[0].validate.rules[0].between: must be [least, most], with null for no bound; got [2.0, 1.0]",
        ),
        (
            "filter: {where: \"a RLIKE '(b'\"}",
            "steps[0].filter.where: '(b' is no regular expression of RE2: Invalid regular expression: missing ): (b",
        ),
        ("scale: {columns: a, mehtod: x}", "steps[0].scale.mehtod: not a key here; did you mean 'method'?"),
        ("scale: {columns: a, range: [a, 1]}", "steps[0].scale.range[0]: must be a number; got 'a'"),
        ("scale: {columns: a, range: [1]}", "steps[0].scale.range[1]: needed and absent"),
        ("scale: {columns: a, range: [1, 2, 3]}", "steps[0].scale.range: must be at most 2 items long; got [1, 2, 3]"),
        ("impute: {columns: a, indicator: maybe}", "steps[0].impute.indicator: must be true or false; got 'maybe'"),
        ("impute: {columns: a, value: [1]}", "steps[0].impute.value: must be true or false, a number or text; got [1]"),
        ("impute: {columns: a, rank_error: 3}", "steps[0].impute.rank_error: must be less than 0.5; got 3"),
        (
            "cast: {columns: {a: int}}",
            "steps[0].cast.columns.a: must be one of int8, int16, int32, int64, float32, float64, string, boolean, "
            "date, timestamp; got 'int'; did you mean 'int8'?",
        ),
        (
            "augment: {image: i, random_crop: {size: [0, 4]}}",
            "steps[0].augment.random_crop.size: height and width must be at least 1 pixel; got [0, 4]",
        ),
        (
            "augment: {image: i, color_jitter: {hu: 0.1}}",
            "steps[0].augment.color_jitter.hu: not a key here; did you mean 'hue'?",
        ),
        ("augment: {image: i, horizontal_flip: 2}", "steps[0].augment.horizontal_flip: must be at most 1; got 2"),
        (
            "augment: {image: i, horizontal_flip: 1, height: 3.5}",
            "steps[0].augment.height: must be a whole number; got 3.5",
        ),
        (
            "augment: {image: i}",
            "steps[0].augment: nothing to do: give random_crop, horizontal_flip, vertical_flip or color_jitter, "
            "or time_crop, gaussian_noise, token_masking or mixup",
        ),
    ],
)
def test_mistakes_of_a_step(step: str, said: str) -> None:
    assert problem(in_steps(step)) == said


def test_two_steps_of_one_name() -> None:
    text = in_steps("drop: {columns: a, name: x}", "drop: {columns: b}", "scale: {columns: c, name: x}")
    assert problem(text) == "steps[2].scale.name: 'x' is already the name of steps[0]; give it another"


@pytest.mark.parametrize(
    "text",
    ["name: [", "a: 1", "steps: [{impute: {columns: 1, value: {}}}]", in_steps("zzz: {}"), in_source("path: {}")],
)
def test_no_message_shows_pydantic(text: str) -> None:
    said = "\n".join(problems(text))
    for jargon in ("Input should", "Field required", "type=", "pydantic.dev", "Value error", "tuple", "dictionary"):
        assert jargon not in said


# Variables


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", 1),
        ("'${A}'", 1),
        ("x${A}y${A}", "x1y1"),
        ("${NONE:-3}", 3),
        ("${NONE:-1e3}", 1000.0),
        ("${NONE:-true}", True),
        ("${EMPTY:-x}", "x"),
        ("${NONE:-}x", "x"),
        ("${COLON}", "a: b"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A", "$A"),
    ],
)
def test_variables(written: str, value: object) -> None:
    found = read(JOB + f"fit_on:\n  a: {written}\n", A="1", EMPTY="", COLON="a: b").fit_on["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_variable_stays_text_where_nothing_else_may_stand() -> None:
    job = read(in_sink('partition_by: "${DAY}"').replace("name: t", "name: ${RUN}"), RUN="007", DAY="1")
    assert (job.name, job.sink.partition_by) == ("007", ("1",))


def test_a_variable_can_be_a_number_of_a_step() -> None:
    job = read(in_steps('outliers: {columns: a, threshold: "${T:-4}"}'))
    assert job.steps == (Outliers(columns=("a",), threshold=4.0),)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("${HOST}", "fit_on.a: the environment variable HOST is not set; set it, or write ${HOST:-default}"),
        ("x-${", "fit_on.a: '${' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for a plain ${"),
        ("${1}", "fit_on.a: '${1}' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for a plain ${"),
        ("${EMPTY}", "fit_on.a: must be text, true or false or a number; got nothing"),
    ],
)
def test_variables_that_lead_nowhere(written: str, said: str) -> None:
    assert problem(JOB + f"fit_on:\n  a: {written}\n", env={"EMPTY": ""}) == said


def test_an_unset_variable_is_one_problem_even_where_a_number_is_wanted() -> None:
    assert problem(in_sink('files_per_partition: "${FILES}"')) == (
        "sink.files_per_partition: the environment variable FILES is not set; set it, or write ${FILES:-default}"
    )


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPARK_TEST_OUT", "elsewhere")
    assert JobConfig.from_text(JOB.replace("out/t", '"${GENSPARK_TEST_OUT}"')).sink.path == "elsewhere"


# Overrides


def test_overrides_are_yaml() -> None:
    text = in_steps("scale: {columns: a}", "outliers: {columns: a}")
    job = read(
        text,
        sets=["sink.path=out/x", "steps[1].outliers.threshold=4", "steps.0.scale.range=[-1, 1]", "sink.mode=append"],
    )
    assert job.sink == Sink(path="out/x", mode="append")
    assert job.steps == (Scale(columns=("a",), range=(-1.0, 1.0)), Outliers(columns=("a",), threshold=4.0))


def test_an_override_makes_the_sections_on_its_way() -> None:
    job = read(JOB, sets=["model.path=m.json", 'sink.properties["delta.appendOnly"]="true"'])
    assert job.model == ModelFile(path="m.json")
    assert job.sink.properties == {"delta.appendOnly": "true"}


def test_an_override_goes_before_variables() -> None:
    assert read(JOB.replace("out/t", '"${UNSET}"'), sets=["sink.path=o/${A}"], A="1").sink.path == "o/1"


def test_the_last_override_wins() -> None:
    assert read(JOB, sets=["name=u", "name=v"]).name == "v"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            "steps[3].impute.value=1",
            "--set steps[3].impute.value: leads nowhere: steps has 1 item; the last is steps[0]",
        ),
        (
            "steps[0].impte.value=1",
            "--set steps[0].impte.value: leads nowhere: steps[0] has no 'impte'; did you mean 'impute'?",
        ),
        ("steps[0].impute.valeu=1", "steps[0].impute.valeu: not a key here; did you mean 'value'?"),
        ("name.first=1", "--set name.first: leads nowhere: name is 't', which has no keys"),
        ("sinkk.path=x", "sinkk: not a key here; did you mean 'sink'?"),
        ("sink.mod=append", "sink.mod: not a key here; did you mean 'mode'?"),
        ("key[0]=a", "--set key[0]: leads nowhere: key has no items"),
        (
            "sink.path=[1",
            "--set sink.path:1:3: not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
        ),
        (
            "sink.path",
            "--set sink.path: not a path and a value; write it as sink.path=out/x or steps[0].scale.method=minmax",
        ),
        ("a..b=1", "--set a..b=1: not a path and a value; write it as sink.path=out/x or steps[0].scale.method=minmax"),
    ],
)
def test_overrides_that_lead_nowhere(one: str, said: str) -> None:
    assert problem(in_steps("impute: {columns: a}"), sets=[one]) == said


# There and back


@pytest.mark.parametrize(
    "text",
    [
        JOB,
        TAXIS,
        JOB + "fit_on: {a: '1e-3', b: 'no', c: '2024-01-01', d: '~', e: '1:30', f: '', g: 'a: b', 'h.i': '<<'}\n",
        JOB + "fit_on: {a: 1.0, b: 1e-7, c: 1, d: true, e: 'é\\n'}\n",
        JOB + "fit_on: {a: $$x, b: '$${A}', c: '$$${A}'}\n",
        in_source("path: [a, b], format: delta, timestamp: '2024-01-01 10:00:00', schema: a int"),
        in_sink("mode: overwrite, partition_by: [a], partitions: {a: ['1', 1, true]}, files_per_partition: 2"),
        in_steps("split: {fractions: {train: 0.5, a: 0.5}, name: s}", "cast: {columns: {b: string, a: int8}}"),
    ],
)
def test_a_config_reads_back_from_its_own_yaml(text: str) -> None:
    job = read(text)
    again = read(job.to_yaml())
    assert again == job
    assert again.to_yaml() == job.to_yaml()
    assert again.config_hash == job.config_hash


def test_to_yaml_leaves_defaults_out_and_keeps_the_order() -> None:
    assert read(in_steps("split: {fractions: {b: 0.5, a: 0.5}, seed: 0}") + "engine: auto\n").to_yaml() == (
        "name: t\n"
        "source: {path: a.csv, format: csv}\n"
        "steps:\n"
        "- split:\n"
        "    fractions: {b: 0.5, a: 0.5}\n"
        "sink: {path: out/t}\n"
    )


def test_a_job_built_of_steps_is_the_job_read_from_yaml() -> None:
    built = JobConfig(
        name="t",
        source=Source(path="a.csv", format="csv"),
        steps=(Drop(columns=("a",)), Impute(columns=("b",), name="fill")),
        sink=Sink(path="out/t"),
    )
    assert built == read(in_steps("drop: {columns: a}", "impute: {columns: b, name: fill}"))
    assert read(built.to_yaml()) == built


def test_the_hash_is_of_what_the_job_does() -> None:
    # sha256 of {"name":"t","source":{"path":"a.csv","format":"csv"},"sink":{"path":"out/t"}}
    pinned = "cf7202f0dfdebee484c94f1770ed856e11f8369cefdd90a732a00f8002c6f71b"
    assert read(JOB).config_hash == pinned
    assert read(JOB + "engine: auto\nkey: []\n# a comment\n").config_hash == pinned
    assert read(JOB + "key: a\n").config_hash != pinned


def test_the_hash_of_the_work_is_not_of_what_describes_it() -> None:
    job = read(JOB)
    beside = "card: {description: d}\nledger: {path: runs}\nlineage: {openlineage: events}\naudit: {groups: g}\n"
    other = read(JOB.replace("format: csv", "format: csv, stage: never, split_size: 1MB") + beside)
    assert other.work_hash == job.work_hash
    assert other.config_hash != job.config_hash
    for line in ("key: a\n", "quarantine: {path: q}\n", "model: {path: m.json}\n"):
        assert read(JOB + line).work_hash != job.work_hash


def test_the_hash_tells_the_order_of_fractions() -> None:
    one, other = (read(in_steps(f"split: {{fractions: {{{f}}}}}")) for f in ("a: 0.5, b: 0.5", "b: 0.5, a: 0.5"))
    assert one.config_hash != other.config_hash


# The JSON Schema


def schema_takes(text: str) -> bool:
    data, _ = parse(text, "config")
    return bool(Draft202012Validator(json_schema()).is_valid(data))


def test_the_schema_is_a_json_schema_of_the_2020_draft() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json_schema()["title"] == "genspark job"


@pytest.mark.parametrize("text", [JOB, TAXIS, in_sink("partition_by: a") + "key: id\n"])
def test_the_schema_takes_a_job(text: str) -> None:
    assert schema_takes(text)


@pytest.mark.parametrize(
    "text",
    [
        JOB + "nam: x\n",
        in_sink("mod: append"),
        in_source("path: a, format: cvs"),
        in_steps("imputte: {columns: [a]}"),
        in_steps("impute: {columns: [a], stratgy: mean}"),
        in_steps("{impute: {columns: [a]}, drop: {columns: [a]}}"),
    ],
)
def test_the_schema_refuses_a_mistake(text: str) -> None:
    assert not schema_takes(text)


@pytest.mark.parametrize("kind", sorted(Step.registry))
def test_the_schema_knows_each_step_as_an_object_of_one_key(kind: str) -> None:
    section = json_schema()["$defs"][f"{Step.registry[kind].__name__}Step"]
    assert list(section["properties"]) == section["required"] == [kind]
    assert section["additionalProperties"] is False
    assert section["description"]


def test_descriptions_reach_the_editor() -> None:
    defs = json_schema()["$defs"]
    assert defs["Impute"]["properties"]["strategy"]["description"] == "What to fill with."
    assert defs["Sink"]["properties"]["path"]["description"].startswith("The table's path or URI; or its name")


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.parent.glob("conf/*.yaml")), ids=lambda path: path.name)
def test_the_examples_are_jobs_to_the_reader_and_to_the_editor(path: Path) -> None:
    kind = Evaluation if path.stem == "evaluation" else JobConfig
    kind.from_yaml(str(path), env={})
    assert schema_takes(path.read_text(encoding="utf-8"))


def test_places() -> None:
    assert show(("steps", 2, "outliers", "a b")) == 'steps[2].outliers["a b"]'


def test_a_wrong_section_in_python_is_told_as_in_the_yaml() -> None:
    with pytest.raises(ConfigError, match=r"^sink\.mode: must be one of .*; got 'add'"):
        Sink(path="t", mode="add")
    with pytest.raises(
        ConfigError, match=r"source\.path: must be text that is not empty.*\n.*source\.opions: not a key"
    ):
        Source(path="", format="csv", opions={})
