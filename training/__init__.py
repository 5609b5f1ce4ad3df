"""Data in, a tested release out. Importing this package imports neither torch nor matplotlib."""

from training.releases import Manifest, Release, ReleaseError, Releases

__all__ = ["Manifest", "Release", "ReleaseError", "Releases"]
