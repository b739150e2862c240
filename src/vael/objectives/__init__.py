"""Floor 6: functions from a trace to a loss."""
