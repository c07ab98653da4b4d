"""Planted bugs: one for each rule of the checker, the diagnosis and the doctor. A test must notice each."""
