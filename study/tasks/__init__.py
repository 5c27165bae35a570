"""What a study's trials do: train a model on pictures, or run a loop of the user's own."""
