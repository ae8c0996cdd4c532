"""How a manifest comes to be: scan, label, probe, decide what is served."""
