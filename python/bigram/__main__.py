"""`python -m bigram` is the command `bigram`."""

import sys

from bigram.cli import main

sys.exit(main())
