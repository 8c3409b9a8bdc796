"""Lambda on this machine: the Runtime API and pools of real `awslambdaric` processes."""
