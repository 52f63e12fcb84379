"""Order accesses and fallen accounts -> who could have known which order, from when."""

from stanch.exposure.find import ExposureResult, find_exposures
from stanch.exposure.settings import ExposureSettings

__all__ = ["ExposureResult", "ExposureSettings", "find_exposures"]
