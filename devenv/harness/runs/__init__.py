"""Run folders: where runs are kept, the journal of the stack, traces, histories."""
