"""Log-probabilities of the tokens of texts by a causal language model in a local folder, window by window."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError, GensparkError

Logs = npt.NDArray[np.float64]
Window = tuple[Sequence[int], int]
"""The tokens of a window, the first of which is only seen, and how many of the last are scored."""


def windows(tokens: Sequence[int], first: int, context: int, overlap: int) -> Iterator[Window]:
    """The windows in which a text is scored: each token once, `context` of them at most in one window.

    `first` stands before the text. The first window scores all of its tokens; a later one ends with those it scores,
    at most `context - overlap + 1`, and sees as many before them as fit. So lm-eval's rolling windows are.
    """
    whole = [first, *tokens]
    scored = min(context, len(tokens))
    if scored:
        yield whole[: scored + 1], scored
    while scored < len(tokens):
        some = min(len(tokens) - scored, context - overlap + 1)
        scored += some
        yield whole[scored - context : scored + 1], some


def logs(folder: str, expected: str, context: int | None, overlap: int, batch: int, texts: Sequence[str]) -> list[Logs]:
    """The natural logarithm of the probability of each token of each text, by the model of this digest."""
    model, tokenizer, first, longest = _loaded(folder, expected)
    context = min(context or longest, longest)
    if overlap > context:
        raise DataError(f"overlap is {overlap}, and a window holds {context} tokens; choose less")
    found: list[list[Logs]] = [[] for _ in texts]
    todo = [
        (place, window)
        for place, text in enumerate(texts)
        for window in windows(tokenizer.encode(text, add_special_tokens=False), first, context, overlap)
    ]
    for start in range(0, len(todo), batch):
        some = todo[start : start + batch]
        for (place, _), own in zip(some, _of_windows(model, [window for _, window in some]), strict=True):
            found[place].append(own)
    return [np.concatenate(own) if own else np.zeros(0) for own in found]


def digest(folder: str) -> str:
    """The SHA-256 of the files of a model's folder. Raises DataError where it is none."""
    place = Path(folder)
    if not (place / "config.json").is_file():
        raise DataError(
            f"{folder} is no folder of a language model: it has no config.json; save one there by save_pretrained, "
            "for weights are never fetched"
        )
    found = hashlib.sha256()
    for file in sorted(place.iterdir()):
        if file.is_file():
            found.update(f"{file.name}\0".encode())
            with file.open("rb") as opened:
                found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()


@functools.lru_cache(maxsize=1)
def _loaded(folder: str, expected: str) -> tuple[Any, Any, int, int]:
    """The model, its tokenizer, the token that stands before a text, and the length of a window. Once a process."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise GensparkError("causal_perplexity needs a model's library: pip install transformers torch") from None
    if digest(folder) != expected:
        raise DataError(f"{folder} has other files on a worker than here; put the same model there")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if first is None:
        raise DataError(f"{folder}: its tokenizer has no token that begins or ends a text; choose another model")
    names = ("n_positions", "max_position_embeddings", "n_ctx")
    longest = next((getattr(model.config, name) for name in names if getattr(model.config, name, None)), 2048)
    return model, tokenizer, int(first), int(longest)


def _of_windows(model: Any, some: Sequence[Window]) -> Iterator[Logs]:
    import torch

    longest = max(len(tokens) for tokens, _ in some) - 1
    seen = torch.zeros((len(some), longest), dtype=torch.long)
    mask = torch.zeros((len(some), longest), dtype=torch.long)
    for row, (tokens, _) in enumerate(some):
        seen[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        mask[row, : len(tokens) - 1] = 1
    with torch.no_grad():
        given = model(input_ids=seen, attention_mask=mask).logits.double().log_softmax(-1)
    for row, (tokens, scored) in enumerate(some):
        last = len(tokens) - 1
        places = torch.arange(last - scored, last)
        yield given[row, places, torch.tensor(tokens[-scored:])].numpy()
