import sys

from dcpose_core.cli import main

sys.exit(main())
