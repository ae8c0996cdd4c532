"""Files that a decoder meets sooner or later: rare, damaged, hostile. Each says what must come."""
