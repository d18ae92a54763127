"""`python -m bigram` is the command `bigram`."""

import sys

from bigram.cli.entry import main

sys.exit(main())
