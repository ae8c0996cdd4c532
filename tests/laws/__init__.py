"""The laws that the whole package keeps."""
