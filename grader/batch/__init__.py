"""Grades a class: what `make grade SUBMISSIONS=DIR` runs. grader/README, "A whole class", tells how to use it."""
