"""From a table with a row for each image to a manifest."""
