"""What Jupyter shows for manifests, sequences, batches, samples and profiles."""
