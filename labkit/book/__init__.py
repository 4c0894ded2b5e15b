"""The book: its build, and what a built page needs to read whole with no network and no server.

`sphinx_ext` is the Sphinx extension that _config.yml lists; `build` runs Jupyter Book with it.
"""
