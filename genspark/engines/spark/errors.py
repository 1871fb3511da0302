"""Translation of Spark's errors into errors of one line that a user can act on."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from genspark.engines.spark.tasks import cause_in_task
from genspark.errors import DataError, GensparkError, SessionError, ShardError, SinkError, SourceError, first_line

RAISED = "genspark stopped: "
"""What a message raised inside a Spark expression starts with."""

_UNREADABLE = re.compile(
    r"(?:(?:FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER).*?reading file |Could not read file: )(\S+?)\.?(?:\s|$)",
    re.DOTALL,
)
_UNREADABLE_HERE = re.compile(r"genspark cannot read (\S+): (.*)")
_REPLACE = "it may be cut short or of another format: replace it or take it out"
_BLOCKED = re.compile(
    r"Permission denied|AccessControlException|AccessDenied|Mkdirs failed|Read-only file system"
    r"|DELTA_CANNOT_CREATE_LOG_PATH|Not a directory|ParentNotDirectoryException|No space left"
)
_NO_CONNECTOR = re.compile(r'(No FileSystem for scheme "[^"]*")|(Class \S*(?:FileSystem|S3A\S*) not found)')
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '(\w+)")
_MISSING = re.compile(r"\[PATH_NOT_FOUND\] Path does not exist: (\S+?)\.?(?:\s|$)")
_CONCURRENT = re.compile(r"DELTA_CONCURRENT|ConcurrentAppend|ConcurrentModification|MetadataChangedException")
_OUTSIDE = re.compile(r"DELTA_REPLACE_WHERE_MISMATCH.*? - (\S+) : (\S*)", re.DOTALL)
_CANNOT_CAST = re.compile(r"\[(CAST_INVALID_INPUT|CAST_OVERFLOW)\] (.*?)(?: Use `try_cast`| SQLSTATE|$)", re.DOTALL)


@contextlib.contextmanager
def spark_errors(place: str = "spark", otherwise: type[GensparkError] = DataError) -> Iterator[None]:
    """Raise a GensparkError that names `place` for any error of Spark inside the block.

    `otherwise` is its class where the cause is none of those that have an error of their own.
    """
    try:
        yield
    except GensparkError:
        raise
    except Exception as error:
        if not _is_sparks(error):
            raise
        raise translated(error, place, otherwise) from error


def unreadable(uri: str, error: BaseException) -> RuntimeError:
    """What a task raises for a file that it reads by itself and cannot read; `translated` names the file then."""
    return RuntimeError(f"genspark cannot read {uri}: {first_line(error)}")


def lacks_package(error: BaseException) -> bool:
    """Whether the error says that Spark's workers lack a package that genspark imports there."""
    return _is_sparks(error) and bool(_NO_MODULE.search(str(error)))


def translated(error: BaseException, place: str, otherwise: type[GensparkError]) -> GensparkError:
    """The GensparkError for an error of Spark: the cause in one line, and the remedy where there is one."""
    text = str(error)
    if RAISED in text:
        return DataError(_sentence(text.split(RAISED, 1)[1]))
    if lacking := _lacking(text, place):
        return lacking
    if missing := _MISSING.search(text):
        return SourceError(f"{place}: {missing[1]} does not exist or matches no file; correct the path")
    if shards := _unreadable_shards(text):
        # What is read while a table is written is the source.
        return ShardError(shards, _REPLACE, place="source.path" if place == "sink.path" else place)
    if blocked := _BLOCKED.search(text):
        return SinkError(f"{place}: cannot be written ({blocked[0]}); check the path and its permissions")
    if _CONCURRENT.search(text):
        return SinkError(f"{place}: another job changed the table meanwhile, and nothing was written; run again")
    if outside := _OUTSIDE.search(text):
        return SinkError(
            f"sink.partitions: rows have {outside[1]} = {outside[2]}, which is not among those "
            "to be overwritten; list it too, or filter the source"
        )
    if cast := _CANNOT_CAST.search(text):
        return DataError(f"{place}: {_sentence(cast[2])}; clean the column before it is cast")
    if "[UNABLE_TO_INFER_SCHEMA]" in text:
        return SourceError(f"{place}: there is no file of the format given here; correct source.path or source.format")
    return otherwise(f"{place}: {cause_in_task(text) or _sentence(text)}")


def _unreadable_shards(text: str) -> dict[str, str]:
    """The file that a message says cannot be read, with the cause; none where it says something else."""
    if here := _UNREADABLE_HERE.search(text):
        return {here[1]: f"cannot be read ({here[2]})"}
    there = _UNREADABLE.search(text)
    return {there[1]: f"cannot be read as the format given ({_cause(text)})"} if there else {}


def _lacking(text: str, place: str) -> SessionError | None:
    """The error of a session that lacks a package in its workers, or the connector of a store."""
    if absent := _NO_MODULE.search(text):
        return SessionError(
            f"{place}: Spark's workers have no package {absent[1]!r}, and a step or statistic of this job works in "
            "them; install genspark where they run, or send it with spark-submit --py-files / --archives"
        )
    if unknown := _NO_CONNECTOR.search(text):
        return SessionError(
            f"{place}: this Spark knows no such store ({unknown[1] or unknown[2]}); correct the scheme, or pass "
            "its connector with --packages, such as org.apache.hadoop:hadoop-aws, as old as the cluster's Hadoop"
        )
    return None


def _is_sparks(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("pyspark", "py4j")


def _cause(text: str) -> str:
    """The innermost cause of a Java stack trace."""
    causes = re.findall(r"^Caused by: (?:[\w.$]+\.)?([\w$]+(?:: .*)?)$", text, re.MULTILINE)
    return str(causes[-1]).strip() if causes else _sentence(text)


def _sentence(text: str) -> str:
    """The sentence that says what happened, without error states, class names and traces."""
    text = re.sub(r"^An error occurred while calling \S+\s*:?\s*(?:[\w$]+\.)*", "", text)
    bracket = re.search(r"\[[A-Z][A-Z0-9_.]+\] .*", text)
    line = bracket[0].strip() if bracket else first_line(text)
    line = re.sub(r"^\[[A-Z][A-Z0-9_.]+\] ", "", line)
    return re.sub(r"\s*(SQLSTATE: \w+.*|==.*==)$", "", line).rstrip(" .;")
