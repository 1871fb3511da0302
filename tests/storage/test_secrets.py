"""What is taken for a secret, and what is not."""

from __future__ import annotations

import pytest

from genspark.storage.secrets import is_secret, masked, remember, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:pa55@host:80/a?b=1", "https://***@host:80/a?b=1"),
        ("https://t0ken@host/a", "https://***@host/a"),
        ("s3://AKIA:se/cr+et@bucket/a: no such key", "s3://***@bucket/a: no such key"),
        (
            "https://a.blob.core.windows.net/c/x?sv=2022&sig=aB%3D&se=1",
            "https://a.blob.core.windows.net/c/x?sv=2022&sig=***&se=1",
        ),
        ("sig=aB%3D", "sig=***"),
        ("--set source.options.password=hunter2 is", "--set source.options.password=*** is"),
        (
            "{'fs.s3a.secret.key': 'x y', \"token\": \"z\", 'header': 'true'}",
            "{'fs.s3a.secret.key': '***', \"token\": \"***\", 'header': 'true'}",
        ),
    ],
)
def test_a_secret_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "abfss://container@account.dfs.core.windows.net/a",
        "http://host:8080/a@b",
        "s3://bucket/a=1/b@c",
        "hdfs://name:9000/data",
        "source.options.token: not an option of csv; did you mean 'sep'?",
        "tokens=12",
        "design=3",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert masked(text) == text


def test_the_environments_secrets_are_found_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "zebra-quagga")
    monkeypatch.setenv("PWD", "plain-folder")
    monkeypatch.setenv("SSH_AUTH_SOCK", "plain-socket")
    assert masked("in plain-folder, plain-socket: zebra-quagga!") == "in plain-folder, plain-socket: ***!"


def test_what_a_configuration_held_is_found_wherever_a_library_repeats_it() -> None:
    remember({"path": "s3://AKIA:zeb/ra@bucket/a", "options": {"password": "quagga7", "header": "true-ish"}})
    assert masked("true-ish: bucket AKIA:zeb/ra, zeb/ra; quagga7") == "true-ish: bucket ***, ***; ***"


def test_plain_values_are_masked_by_their_names_and_by_what_they_hold() -> None:
    config = {"options": {"password": 12345, "header": True}, "path": ["s3://k:s@b/x", "b"], "token": None}
    shown = {"options": {"password": "***", "header": True}, "path": ["s3://***@b/x", "b"], "token": None}
    assert without_secrets(config) == shown


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("AWS_SECRET_ACCESS_KEY", True),
        ("fs.azure.account.key.x.dfs.core.windows.net", True),
        ("delta.columnMapping.maxColumnId", False),
        ("token_url", False),
        ("author", False),
    ],
)
def test_names(name: str, is_one: bool) -> None:
    assert is_secret(name) is is_one
