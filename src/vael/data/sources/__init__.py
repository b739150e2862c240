"""Data sources: what a config names as ``data.source``."""

from vael.data.sources.array import ArrayFile
from vael.data.sources.folder import Folder
from vael.data.sources.hub import Hub
from vael.data.sources.scikit_learn import BreastCancer, Digits
from vael.data.sources.series import SeriesFile
from vael.data.sources.sprites import Sprites

__all__ = ["ArrayFile", "BreastCancer", "Digits", "Folder", "Hub", "SeriesFile", "Sprites"]
