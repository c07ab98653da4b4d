"""Product states: searched, covered, counted, with a run to each end."""
