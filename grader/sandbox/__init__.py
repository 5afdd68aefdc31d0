"""Runs the code of submissions, which nobody trusts. sandbox/README tells what each tier keeps out."""
