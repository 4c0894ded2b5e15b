"""Figures of tests are drawn into memory, not on a screen."""

import matplotlib as mpl

mpl.use("Agg")
