"""`python -m augseq`, where the command `augseq` is not on the path."""

from augseq.cli.main import main

main()
