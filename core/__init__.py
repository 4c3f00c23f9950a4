"""What every stage shares: paths, the command line, the corpus contract. No torch here."""
