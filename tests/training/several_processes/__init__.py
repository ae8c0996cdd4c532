"""Programs that two processes run together: python -m ... NUMBER ADDRESS,ADDRESS."""
