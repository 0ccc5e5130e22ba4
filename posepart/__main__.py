"""`python -m posepart`: the command line."""

import sys

from posepart.cli.main import main

sys.exit(main())
