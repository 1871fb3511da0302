"""What gathers each statistic from batches of rows, over all of them or group by group."""
