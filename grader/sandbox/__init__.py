"""Runs the code of submissions, which nobody trusts. grader/README, "The sandbox", tells what each tier keeps out."""
