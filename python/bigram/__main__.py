"""`python -m bigram` is the command `bigram`."""

import sys

from bigram.cli.app import main

sys.exit(main())
