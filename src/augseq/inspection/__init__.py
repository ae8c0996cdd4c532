"""Let a person look: pictures of batches, histories and confusions."""
