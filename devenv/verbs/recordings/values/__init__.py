"""How values and links that answers gave are looked up in what later requests send."""
