"""One file per source; each reads songs and cleans nothing."""
