"""Jobs as tasks of Luigi: `RunTask`, and its target, which exists exactly when the job's run is in the table."""

from genspark.errors import ConfigError

try:
    import luigi  # noqa: F401
except ImportError:
    raise ConfigError("genspark.luigi: needs the package luigi: pip install 'genspark[luigi]'") from None

from genspark.luigi.tasks import RunTarget, RunTask

__all__ = ["RunTarget", "RunTask"]
