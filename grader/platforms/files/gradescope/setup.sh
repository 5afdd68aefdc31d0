#!/bin/sh
# Gradescope runs this once, as root, when it builds the autograder's image. Everything else is in run_autograder.
set -e
cd "${AUTOGRADER_ROOT:-/autograder}/source"

# Unpackers differ on what they make executable.
chmod +x run_autograder grader/setup grader/python grader/check grader/grade \
    grader/platforms/files/grade_one

grader/setup batch

# Before Python 3.11 (Ubuntu 22.04) the reader of TOML files is a package.
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-tomli

# The reference's programs are linked here, once, and not for each submission.
for folder in reference reference/stage*/; do
    if [ -e "$folder/Makefile" ]; then make -s -C "$folder"; fi
done
