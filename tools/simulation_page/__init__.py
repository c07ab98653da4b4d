"""Makes docs/simulation.md: what ``devenv simulate`` predicts beside what was measured."""
