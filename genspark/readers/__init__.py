"""Training readers: a Delta table streamed in one order, whatever the number of machines. No Spark."""

from genspark.readers.table import Mixture, TrainingTable

__all__ = ["Mixture", "TrainingTable"]
