"""`python -m posepart`: the command line."""

import sys

from posepart.cli import main

sys.exit(main())
