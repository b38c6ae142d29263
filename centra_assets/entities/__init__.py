"""What we ask Centra for and what we promise of it, one folder per family. How it is run and stored is elsewhere."""
