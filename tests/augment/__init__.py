"""What an augmentation promises, and which kinds of it there are."""
