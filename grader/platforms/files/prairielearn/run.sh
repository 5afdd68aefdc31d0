#!/bin/sh
# PrairieLearn runs this in the container for each submission: it is the question's entrypoint.
#
#     GRADE_ROOT=/grade    where PrairieLearn's folders are
root=${GRADE_ROOT:-/grade}
mkdir -p "$root/results" || exit 73
exec sh "$root/tests/grader/platforms/files/grade_one" prairielearn \
    "$root/student" "$root/results/results.json"
