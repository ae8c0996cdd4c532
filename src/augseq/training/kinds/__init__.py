"""What a run predicts: classes, numbers, tags or masks; three files for each kind."""
