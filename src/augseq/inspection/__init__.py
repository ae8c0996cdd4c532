"""Look at data and training: pictures, reports, profiles and the explorer."""
