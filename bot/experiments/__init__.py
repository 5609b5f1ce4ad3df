"""A release is tried on customers before all of them get it: silently beside the one in use, or on a share of them."""

from bot.experiments.experiment import Experiment, ExperimentError, Kind, read_experiment, write_experiment

__all__ = ["Experiment", "ExperimentError", "Kind", "read_experiment", "write_experiment"]
