"""Pure functions of frames and arrays. They know hyperparameters by their domains, and nothing of a study."""
