"""The folder in which the commands of README.md, docs/ and conf/ are run: small data, and the tables that they name."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image
from test_docs import ROOT, blocks

from genspark.cli import main

ZONES = {"Lenox Hill West": "Manhattan", "Astoria": "Queens", "Park Slope": "Brooklyn", "Clinton East": "Manhattan"}
PORTS = {"S": "Southampton", "C": "Cherbourg", "Q": "Queenstown"}
CLASSES = {1: "First", 2: "Second", 3: "Third"}
TEXT = (
    "The river rose in the night and the people of the village carried their things to the church on the hill. "
    "In the morning there was water in all of the streets, and only boats could go from one house to the next. "
    "Nobody was hurt, but the bridge to the station had gone, and it took the whole of that year to build another. "
)


def build(folder: Path) -> None:
    """Lay out conf/ and data/, and run what makes the tables that pages name without making them."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    write_data(folder / "data")
    with contextlib.chdir(folder):
        for words in (
            "demo --out out",
            "run conf/taxis.yaml",
            "run conf/titanic.yaml",
            "run conf/titanic_checked.yaml",
            "run conf/titanic_private.yaml",
            "run conf/taxis_checked.yaml --set sink.path=out/last-week",
            "run conf/taxis_checked.yaml --set sink.path=out/this-week",
            "fit conf/taxis.yaml --set model.path=models/monday.json",
            "fit conf/taxis.yaml --set model.path=models/tuesday.json --set steps[0].split.seed=8",
        ):
            done(words.split())
        samples = pl.read_delta("out/digits").filter(pl.col("split") == "test")
        samples.write_delta("out/digits_generated")
        samples.write_parquet(made(Path("out/samples/0.parquet")))
        done(["evaluate", "conf/evaluation.yaml"])
        write_captions()
        Path("rides.yaml").write_text(blocks(ROOT / "docs" / "privacy.md", "yaml")[0], encoding="utf-8")
        done(["run", "rides.yaml"])
        repaired().write_parquet("repaired.parquet")


def done(words: list[str]) -> None:
    assert main(words) == 0, words


def write_data(folder: Path) -> None:
    """Files with the names and columns of those that conf/ and the pages read."""
    chance = random.Random(7)
    trips = [trip(chance, at) for at in range(600)]
    write_csv(folder / "taxis.csv", trips)
    for shard in range(3):
        part = trips[shard::3]
        pl.DataFrame(part).write_csv(made(folder / "taxis" / f"{shard}.csv.gz"), compression="gzip")
        short = [{**{name: row[name] for name in TRIP}, "zone": row["pickup_zone"]} for row in part]
        write_csv(folder / "trips" / f"{shard}.csv", short)
    write_csv(folder / "rides.csv", [ride(chance, at) for at in range(200)])
    write_csv(folder / "titanic.csv", [passenger(chance) for _ in range(400)])
    texts = [
        {"id": f"d{at}", "text": TEXT + f"It is told in letter {at}, of the year {1800 + at}."} for at in range(20)
    ]
    texts.append({"id": "short", "text": "Too short."})
    pl.DataFrame(texts).write_ndjson(made(folder / "texts" / "a.jsonl"))
    for at in range(20):
        made(folder / "cifar10" / ("cat", "dog")[at % 2] / f"{at}.png").write_bytes(picture(at))


TRIP = ("pickup", "dropoff", "total", "fare", "distance", "tip")


def trip(chance: random.Random, at: int) -> dict[str, Any]:
    begin = datetime(2019, 3, 1) + timedelta(minutes=37 * at)
    distance = round(math.exp(chance.gauss(0.5, 0.8)), 2)
    fare, tip = round(3 + 2.5 * distance, 1), round(chance.random() * 4, 2)
    zones = chance.choices([*ZONES], k=2)
    zones[0] = zones[0] if chance.random() > 0.02 else ""
    return {
        "pickup": begin.isoformat(" "),
        "dropoff": (begin + timedelta(minutes=2 + 3 * distance)).isoformat(" ", "seconds"),
        "passengers": chance.randint(1, 4),
        "distance": distance,
        "fare": 9 * fare if at % 97 == 0 else fare,
        "tip": tip,
        "tolls": 5.76 if at % 20 == 0 else 0.0,
        "total": round((9 * fare if at % 97 == 0 else fare) + tip + 6.3, 2),
        "color": chance.choice(["yellow", "yellow", "green"]),
        "payment": chance.choice(["credit card", "credit card", "cash", ""]) if at % 9 == 0 else "cash",
        "pickup_zone": zones[0],
        "dropoff_zone": zones[1],
        "pickup_borough": ZONES.get(zones[0], ""),
        "dropoff_borough": ZONES[zones[1]],
    }


def ride(chance: random.Random, at: int) -> dict[str, Any]:
    user, friend = chance.sample(range(4700, 4740), 2)
    return {"ride": at, "user": user, "friend": friend, "age": chance.randint(18, 80), "fare": chance.randint(5, 50)}


def passenger(chance: random.Random) -> dict[str, Any]:
    sex, rank, port = chance.choice(["male", "male", "female"]), chance.choice([1, 2, 3, 3]), chance.choice("SSSCQ")
    lives = chance.random() < (0.7 if sex == "female" else 0.2)
    return {
        "survived": int(lives),
        "pclass": rank,
        "sex": sex,
        "age": chance.choice(["", *[float(age) for age in range(1, 70, 5)]]),
        "sibsp": chance.randint(0, 2),
        "parch": chance.randint(0, 2),
        "fare": round(math.exp(chance.gauss(4 - rank / 2, 0.6)), 4),
        "embarked": port,
        "class": CLASSES[rank],
        "who": "man" if sex == "male" else "woman",
        "adult_male": sex == "male",
        "deck": chance.choice(["", "", "", "C", "E"]),
        "embark_town": PORTS[port],
        "alive": "yes" if lives else "no",
        "alone": chance.random() < 0.5,
    }


def write_captions() -> None:
    """out/real and out/generated, pictures with captions; scores of them in out/scores; and verdicts of reviewers."""
    for name, first in (("real", 0), ("generated", 100)):
        rows = [
            {"image": picture(first + at), "caption": f"a {at}", "label": "abc"[at % 3], "size": float(at + first)}
            for at in range(60)
        ]
        pl.DataFrame(rows).write_delta(f"out/{name}")
    Path("captions.yaml").write_text(
        "name: captions\nevaluate: {real: out/real, generated: out/generated, ledger: out/scores, "
        "scores: [ks_distance: {column: size}]}\n"
    )
    done(["evaluate", "captions.yaml"])


def repaired() -> pl.DataFrame:
    """Rows of out/taxis_quarantine as a person gives them back, whose fares are what they should have been."""
    aside = pl.read_delta("out/taxis_quarantine")
    return aside.with_columns(fare=pl.lit(9.5))


def judge(review: Path) -> None:
    """Do the reviewers' work: send each sheet back with a verdict on each of its items."""
    for sheet in (review / "for_reviewers").glob("*.csv"):
        with sheet.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        sides = ("real", "generated")
        write_csv(Path(f"verdicts-{sheet.name}"), [{**row, "verdict": sides[at % 2]} for at, row in enumerate(rows)])


def picture(shade: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (32, 32), (shade, 2 * shade % 256, 40)).save(written, "PNG")
    return written.getvalue()


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with made(path).open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
