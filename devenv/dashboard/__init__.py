"""The page at the control API's ``/``: the stack as it runs, seen and changed in a browser."""
