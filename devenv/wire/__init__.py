"""What stands on the wire: the proxy before the pods, the gate behind them, and the control API of both."""
