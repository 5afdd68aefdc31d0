"""Grades a class: what `make grade SUBMISSIONS=DIR` runs. batch/README tells how to use it."""
