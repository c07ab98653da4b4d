"""The doctor's rules: from settings and probed facts to advice; no rule reads a file or opens a socket."""
