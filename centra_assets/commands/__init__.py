"""What the command line does, one module per command. How it is spelled is in `cli`."""
