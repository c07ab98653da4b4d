"""What happened in a run or on a running stack, in pictures, and why, with the setting to change."""
