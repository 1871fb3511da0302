"""Jobs as tasks of Airflow: `GensparkRunOperator`, its trigger, and tables as Assets."""

from genspark.errors import ConfigError

try:
    import airflow.sdk  # noqa: F401
except ImportError:
    raise ConfigError("genspark.airflow: needs Airflow 3.2 or newer: pip install 'genspark[airflow]'") from None

from genspark.airflow.assets import table_asset
from genspark.airflow.operators import GensparkRunOperator
from genspark.airflow.triggers import GensparkRunTrigger

__all__ = ["GensparkRunOperator", "GensparkRunTrigger", "table_asset"]
